import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { Resources } from '../core/resource.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceFiles } from './stages.ts';

const RANGE = /^(?!-)([^\s.](?:[^\s]*[^\s.])?)\.\.([^\s.-]\S*)?$/;
/** Most commits of a range: a longer one is no series but part of the history. */
const MAX_COMMITS = 500;

/** Whether a text has the form `BASE..TIP` or `BASE..`. */
export function isRange(source: string): boolean {
  return RANGE.test(source);
}

async function commitOf(repo: string, revision: string, signal: AbortSignal): Promise<string | Problem> {
  const args = ['-C', repo, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  const { code, stdout, stderr } = await run('git', args, { signal, accept: 'any' });
  if (code === 0) return stdout.trim();
  return {
    what: `no commit "${revision}"`,
    where: repo,
    expected: stderr.trim() || 'BASE..TIP of this repository',
  };
}

/**
 * The commits of a range as files of git format-patch, which `resources` owns, independent of the user's settings. Merges are left
 * out with a note. Throws InputError for an unknown revision, an empty range or one of more than `MAX_COMMITS` commits.
 */
export async function filesOfRange(
  source: string,
  repo: string,
  resources: Resources,
  ctx: StageContext,
): Promise<SourceFiles> {
  const { signal } = ctx;
  const [, from = '', to = 'HEAD'] = RANGE.exec(source) ?? [];
  const resolved = await Promise.all([from, to].map((revision) => commitOf(repo, revision, signal)));
  const problems = resolved.filter((commit) => typeof commit !== 'string');
  if (problems.length > 0) throw new InputError(problems);
  const range = resolved.join('..');
  const count = async (filter: string) =>
    Number((await run('git', ['-C', repo, 'rev-list', '--count', filter, range], { signal })).stdout);
  const [commits, merges] = [await count('--no-merges'), await count('--merges')];
  if (commits === 0 || commits > MAX_COMMITS) {
    throw new InputError({
      what: `${commits} commits in ${source}`,
      where: repo,
      expected: `1 to ${MAX_COMMITS} commits`,
    });
  }
  if (merges > 0) {
    ctx.emit({ type: 'note', note: { code: 'series.merges', subject: source, count: merges } });
  }
  const dir = await mkdtemp(join(tmpdir(), 'ringlab-range-'));
  resources.defer(() => rm(dir, { recursive: true, force: true }));
  await formatPatches(repo, range, dir, signal);
  const names = (await readdir(dir)).sort();
  return {
    files: names.map((name) => ({ path: join(dir, name), where: `${source}, ${name}` })),
    origin: { kind: 'git', detail: source },
  };
}

/** Writes each commit of a range as an mboxrd file. Every option that the user's settings could change is given. */
async function formatPatches(repo: string, range: string, dir: string, signal: AbortSignal): Promise<void> {
  const settings = [
    'diff.noprefix=false',
    'diff.mnemonicPrefix=false',
    'diff.external=',
    'format.headers=',
    'format.pretty=',
  ];
  const args = [
    ...settings.flatMap((setting) => ['-c', setting]),
    ...['format-patch', '--quiet', '--numbered', '--start-number=1', '--pretty=mboxrd'],
    ...['--subject-prefix=PATCH', '--no-cover-letter', '--no-attach', '--no-thread', '--no-signature'],
    ...['--no-notes', '--no-to', '--no-cc', '--no-ext-diff', '--no-textconv', '--full-index', '--binary'],
    ...['--no-color', '--src-prefix=a/', '--dst-prefix=b/'],
    ...['--unified=3', '--no-base', '-o', dir, range],
  ];
  await run('git', ['-C', repo, ...args], { signal });
}
