import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { Resources } from '../core/resource.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import type { Note } from '../model/note.ts';
import type { Patch, Series } from '../model/series.ts';
import { applyFailed, nothingToApply } from './failure.ts';
import { ask, COMMITTER, type GitOptions, git } from './git.ts';
import { findRejects } from './rejects.ts';

export interface ApplyOptions {
  /** Apply what is there of a series that has patches missing. */
  allowMissing?: boolean;
}

interface Work {
  base: SourceTree;
  series: Series;
  scratch: string;
  git: GitOptions;
  ctx: StageContext;
}

/** git's raw form of a mail date; the epoch when it cannot be read, so that the commit stays the same. */
function rawDate(date: string | undefined): string {
  const time = Date.parse(date ?? '');
  const [, zone = '+0000'] = /\s([+-]\d{4})(?:\s*\(.*\))?$/.exec(date ?? '') ?? [];
  return `@${Number.isNaN(time) ? 0 : Math.max(0, Math.floor(time / 1000))} ${zone}`;
}

/** Places where a hunk was found away from its line: worth knowing, since a wrong place may compile. */
function tellOffsets(patch: Patch, stderr: string, { ctx, base }: Work): void {
  for (const [, hunk, line, by] of stderr.matchAll(
    /^Hunk #(\d+) succeeded at (\d+) \(offset (-?\d+) lines?\)/gm,
  )) {
    const place = { hunk: Number(hunk), line: Number(line), by: Number(by) };
    ctx.emit({
      type: 'note',
      note: { code: 'apply.offset', subject: base.name, patch: patch.number, ...place },
    });
  }
}

async function explain(patch: Patch, tree: string, stderr: string, work: Work): Promise<Error> {
  const { base, series, scratch } = work;
  const { gitDir, signal } = work.git;
  const index = join(scratch, 'reverse.index');
  await git(['read-tree', tree], { ...work.git, index });
  const back = ['apply', '--cached', '--check', '--reverse', '--whitespace=nowarn', '-'];
  const reverse = await git(back, { ...work.git, index, input: patch.diff, accept: 'any' });
  if (reverse.code === 0) return nothingToApply(patch, series, base.name, 'already');
  const outcomes = await findRejects(patch.diff, patch.files, { gitDir, tree, scratch, signal });
  return applyFailed(patch, series, base.name, outcomes, stderr);
}

/** Puts one patch on top of `parent`. 3-way where the repository has the blobs that the patch was made from; never fuzz. */
async function applyPatch(patch: Patch, parent: SourceTree, work: Work): Promise<SourceTree> {
  const { base, series, git: options } = work;
  if (!/^(?:@@ |GIT binary|rename |copy |(?:new|deleted|old) (?:file )?mode )/m.test(patch.diff)) {
    throw nothingToApply(patch, series, base.name, 'empty');
  }
  const args = ['apply', '--cached', '--3way', '--verbose', '--whitespace=nowarn', '-'];
  const { code, stderr } = await git(args, { ...options, input: patch.diff, accept: 'any' });
  if (code !== 0) throw await explain(patch, parent.tree, stderr, work);
  tellOffsets(patch, stderr, work);
  const tree = await ask(['write-tree'], options);
  if (tree === parent.tree) throw nothingToApply(patch, series, base.name, 'already');
  const env = {
    ...COMMITTER,
    GIT_AUTHOR_NAME: patch.author.name.trim() || 'unknown',
    GIT_AUTHOR_EMAIL: patch.author.email,
    GIT_AUTHOR_DATE: rawDate(patch.date),
  };
  const input = `${patch.subject}\n\n${patch.body}\n`;
  const commit = await ask(['commit-tree', '-p', parent.commit, '-F', '-', tree], { ...options, env, input });
  const from = { commit: base.commit, tree: base.tree, name: base.name };
  return { ...base, name: `${base.name}+${series.name}.${patch.number}`, commit, tree, base: from };
}

function checkComplete(series: Series, options: ApplyOptions, ctx: StageContext): void {
  const { missing, foreign, name, announced } = series;
  const note = (body: Note) => ctx.emit({ type: 'note', note: body });
  if (series.patches.length === 0) throw new InputError({ what: `the series ${name} has no kernel patch` });
  for (const { patch, reason } of foreign)
    note({ code: 'apply.foreign', subject: name, patch: patch.number, title: patch.subject, reason });
  if (missing.length === 0) return;
  const what = `patch ${missing.join(', ')} of ${announced} is missing`;
  if (!options.allowMissing) {
    throw new InputError({
      what,
      where: `series ${name}`,
      fix: 'import the whole thread, or allow missing patches',
    });
  }
  note({ code: 'apply.missing', subject: name, patches: missing, announced });
}

/**
 * Applies the kernel patches of a series, one commit each, without any checkout. `tree` is the last of `steps`; the same input
 * gives the same commits. Throws VerdictError `apply-failed` with patch, file, hunk and line, and the rejected hunks as
 * detail; InputError for a series with patches missing. A failure leaves no ref, index or file behind.
 */
export async function applySeries(
  base: SourceTree,
  series: Series,
  ctx: StageContext,
  options: ApplyOptions = {},
): Promise<{ tree: SourceTree; steps: SourceTree[] }> {
  const { signal } = ctx;
  signal.throwIfAborted();
  checkComplete(series, options, ctx);
  await using stack = new Resources();
  const scratch = await mkdtemp(join(tmpdir(), 'ringlab-apply-'));
  stack.defer(() => rm(scratch, { recursive: true, force: true }));
  const gitOptions = { gitDir: base.gitDir, index: join(scratch, 'index'), signal };
  const work: Work = { base, series, scratch, git: gitOptions, ctx };
  await git(['read-tree', base.tree], gitOptions);
  const steps: SourceTree[] = [];
  let tree = base;
  for (const [index, patch] of series.patches.entries()) {
    const [done, total] = [index, series.patches.length];
    ctx.emit({
      type: 'series.progress',
      base: base.name,
      series: series.name,
      patch: patch.subject,
      done,
      total,
    });
    tree = await applyPatch(patch, tree, work);
    steps.push(tree);
  }
  // Keeps the commits of all steps from git gc.
  const key = hashOf(base.commit, series.id).slice(0, 20);
  await git(['update-ref', `refs/ringlab/${key}`, tree.commit], { gitDir: base.gitDir, signal });
  return { tree: { ...tree, name: `${base.name}+${series.name}` }, steps };
}
