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
import { applyFailed, nothingToApply, refused } from './failure.ts';
import { ask, COMMITTER, type GitOptions, git } from './git.ts';
import { PATCH_LIMITS, withinLimits } from './patch-limits.ts';
import { makeQuarantine, releaseObjects } from './quarantine.ts';
import { findRejects } from './rejects.ts';
import { checkBinary, checkResult, type Growth } from './result-check.ts';

/** What a caller may ask of `applySeries`. */
export interface ApplyOptions {
  /** Apply the patches of an incomplete series, with a note, instead of throwing InputError. */
  allowMissing?: boolean;
}

/** What every step of one `applySeries` works with. */
interface Application {
  base: SourceTree;
  series: Series;
  /** Folder for index files and new objects, removed at the end. */
  scratch: string;
  growth: Growth;
  /** Notes of moved hunks so far. */
  offsets: { noted: number };
  git: GitOptions;
  ctx: StageContext;
}

/** A mail date in git's raw format; the epoch when it cannot be parsed, so that equal patches give equal commits. */
function rawDate(date: string | undefined): string {
  const time = Date.parse(date ?? '');
  const [, zone = '+0000'] = /\s([+-]\d{4})(?:\s*\([^()]*\))?$/.exec((date ?? '').slice(0, 200)) ?? [];
  return `@${Number.isNaN(time) ? 0 : Math.max(0, Math.floor(time / 1000))} ${zone}`;
}

/** A text without zero bytes: git refuses them in a message, and no environment can have them. */
const withoutZero = (text: string) => text.replaceAll('\0', '');

/** A name that git takes for an author: one in which something is left beside what it calls crud (ident.c), blanks and punctuation. */
function authorName(name: string): string {
  const text = withoutZero(name).trim();
  return /[^\u0000-\u0020.,:;<>"\\']/.test(text) ? text : 'unknown';
}

/** Most hunks of a patch that are noted one by one, while the series has less than `MANY_OFFSETS` notes; then one of each patch. */
const MAX_OFFSETS = 20;
const MANY_OFFSETS = 200;

/**
 * Emits a note for each hunk that git applied at another line than its header says: at a wrong line it may still compile. Of many the last
 * note has the number of the others.
 */
function noteOffsets(patch: Patch, stderr: string, { ctx, base, offsets }: Application): void {
  const moved = [...stderr.matchAll(/^Hunk #(\d+) succeeded at (\d+) \(offset (-?\d+) lines?\)/gm)];
  const listed = moved.slice(0, offsets.noted < MANY_OFFSETS ? MAX_OFFSETS : 1);
  const more = moved.length - listed.length;
  offsets.noted += listed.length;
  for (const [index, [, hunk, line, by]] of listed.entries()) {
    const place = { hunk: Number(hunk), line: Number(line), by: Number(by) };
    const others = index === listed.length - 1 && more > 0 ? { more } : {};
    const about = { subject: base.name, patch: patch.number };
    ctx.emit({ type: 'note', note: { code: 'apply.offset', ...about, ...place, ...others } });
  }
}

/** The verdict on a patch that git refused. */
async function explain(patch: Patch, tree: string, stderr: string, application: Application): Promise<Error> {
  const { base, series, scratch, git: options } = application;
  const index = join(scratch, 'reverse.index');
  await git(['read-tree', tree], { ...options, index });
  const args = ['apply', '--cached', '--check', '--reverse', '--whitespace=nowarn', '-'];
  const input = { ...options, index, input: patch.diff, accept: 'any', limits: PATCH_LIMITS } as const;
  if ((await withinLimits(git(args, input)))?.code === 0)
    return nothingToApply(patch, series, base.name, 'already');
  const outcomes = await findRejects(patch.diff, patch.files, { git: options, tree, scratch });
  return applyFailed(patch, series, base.name, outcomes, stderr);
}

/** Commits one patch on top of `parent`. 3-way where the repository has the blobs that the patch is based on; never with fuzz. */
async function applyPatch(patch: Patch, parent: SourceTree, application: Application): Promise<SourceTree> {
  const { base, series, git: options } = application;
  if (!/^(?:@@ |GIT binary|rename |copy |(?:new|deleted|old) (?:file )?mode )/m.test(patch.diff)) {
    throw nothingToApply(patch, series, base.name, 'empty');
  }
  const args = ['apply', '--cached', '--3way', '--verbose', '--whitespace=nowarn', '-'];
  const input = { ...options, input: patch.diff, accept: 'any', limits: PATCH_LIMITS } as const;
  const applied = await withinLimits(git(args, input));
  if (!applied) throw refused(patch, series, ['git needs too much memory, time or space for it'], 'less');
  const { code, stderr } = applied;
  if (code !== 0) throw await explain(patch, parent.tree, stderr, application);
  noteOffsets(patch, stderr, application);
  const tree = await ask(['write-tree'], options);
  if (tree === parent.tree) throw nothingToApply(patch, series, base.name, 'already');
  await checkResult(patch, series, { from: parent.tree, to: tree }, application.growth, options);
  const env = {
    ...COMMITTER,
    GIT_AUTHOR_NAME: authorName(patch.author.name),
    GIT_AUTHOR_EMAIL: withoutZero(patch.author.email),
    GIT_AUTHOR_DATE: rawDate(patch.date),
  };
  const message = withoutZero(`${patch.subject}\n\n${patch.body}\n`);
  const commit = await ask(['commit-tree', '-p', parent.commit, '-F', '-', tree], {
    ...options,
    env,
    input: message,
  });
  const name = `${base.name}+${series.name}.${patch.number}`;
  const below = { commit: base.commit, tree: base.tree, name: base.name };
  return { ...base, name, commit, tree, base: below, source: base.source ?? below };
}

function checkComplete(series: Series, options: ApplyOptions, ctx: StageContext): void {
  const { missing, foreign, name, announced } = series;
  const note = (body: Note) => ctx.emit({ type: 'note', note: body });
  if (series.patches.length === 0) throw new InputError({ what: `the series ${name} has no kernel patch` });
  for (const { patch, reason } of foreign)
    note({ code: 'apply.foreign', subject: name, patch: patch.number, title: patch.subject, reason });
  if (missing.length === 0) return;
  const more = missing.length > 20 ? ` and ${missing.length - 20} more` : '';
  const what = `patch ${missing.slice(0, 20).join(', ')}${more} of ${announced} is missing`;
  if (!options.allowMissing) {
    throw new InputError({
      what,
      where: `series ${name}`,
      fix: 'import the whole thread',
    });
  }
  note({ code: 'apply.missing', subject: name, patches: missing, announced });
}

/**
 * Applies the kernel patches of a series, one commit each, without a checkout. `steps` has the tree after each patch, `tree` the last of
 * them under the series' name; equal input gives equal commits. Throws VerdictError `apply-failed` with patch, file, hunk and
 * line, and the rejected hunks as detail, or for a result that `checkResult` refuses; InputError for an incomplete series. A failure
 * leaves no ref, object, index or file behind.
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
  checkBinary(series);
  const objects = await makeQuarantine(base.gitDir, scratch);
  const gitOptions = { gitDir: base.gitDir, index: join(scratch, 'index'), objects, signal };
  const growth = { grown: 0, written: 0, read: 0 };
  const offsets = { noted: 0 };
  const application: Application = { base, series, scratch, growth, offsets, git: gitOptions, ctx };
  await git(['read-tree', base.tree], gitOptions);
  const steps: SourceTree[] = [];
  let tree = base;
  for (const [index, patch] of series.patches.entries()) {
    const progress = { patch: patch.subject, done: index, total: series.patches.length };
    ctx.emit({ type: 'series.progress', base: base.name, series: series.name, ...progress });
    tree = await applyPatch(patch, tree, application);
    steps.push(tree);
  }
  await releaseObjects(objects, gitOptions);
  // The ref protects the commits of all steps from git gc.
  const key = hashOf(base.commit, series.id).slice(0, 20);
  await git(['update-ref', `refs/ringlab/${key}`, tree.commit], { gitDir: base.gitDir, signal });
  return { tree: { ...tree, name: `${base.name}+${series.name}` }, steps };
}
