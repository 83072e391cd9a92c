import type { Stats } from 'node:fs';
import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cacheRoot, ensureFolder, lock } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { EventOf, StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { ask, commitSource, git, initRepository, plainEnv } from './git.ts';

/** The ref that keeps the source itself in a repository of the cache. */
export const SOURCE_REF = 'refs/ringlab/source';

const STEP = 5000;

export const sourcesDir = () => join(cacheRoot(), 'sources');
export const workDirOf = (name: string) => join(cacheRoot(), 'work', name);

/** Counts lines into progress events. */
function counter(
  name: string,
  action: EventOf<'source.progress'>['action'],
  ctx: StageContext,
  total?: number,
): { line: () => void; count: () => number } {
  let done = 0;
  const line = () => {
    if (++done % STEP !== 0) return;
    ctx.emit({ type: 'source.progress', source: name, action, done, ...(total ? { total } : {}) });
  };
  return { line, count: () => done };
}

/** Puts every file of a folder into the repository and commits it. `force`: also what .gitignore names. */
async function addFolder(
  folder: string,
  gitDir: string,
  name: string,
  ctx: StageContext,
  options: { force: boolean; total?: number },
): Promise<void> {
  const { signal } = ctx;
  const { line } = counter(name, 'add', ctx, options.total);
  // With so low a threshold git streams the files into one pack, instead of 80,000 loose objects.
  const args = ['-c', 'core.bigFileThreshold=1', '-c', 'core.autocrlf=false', 'add', '--all', '--verbose'];
  const force = options.force ? ['--force'] : [];
  await git([...args, ...force, '--', '.'], { gitDir, workTree: folder, signal, onLine: line });
  const tree = await ask(['write-tree'], { gitDir, signal });
  await commitSource(tree, SOURCE_REF, gitDir, signal);
}

/** Unpacks a tarball; returns its one top folder, or `into` when it has several entries. */
async function unpack(tarball: string, into: string, name: string, ctx: StageContext) {
  const { line, count } = counter(name, 'unpack', ctx);
  const args = ['--extract', '--verbose', '--no-same-owner', '--file', tarball, '--directory', into];
  const { code, stderr } = await run('tar', args, {
    signal: ctx.signal,
    cleanEnv: true,
    env: { ...plainEnv(), XZ_DEFAULTS: '-T0' },
    accept: 'any',
    onLine: line,
  });
  if (code !== 0) {
    const what = `tar cannot unpack it: ${stderr.trim().split('\n').slice(0, 3).join('; ')}`;
    throw new InputError({ what, where: tarball, expected: 'a tarball of a kernel tree' });
  }
  const top = await readdir(into, { withFileTypes: true });
  const [only] = top;
  return { root: top.length === 1 && only?.isDirectory() ? join(into, only.name) : into, files: count() };
}

/** Removes what killed makers of the same folder left beside it; the caller holds the lock, so none of them lives. */
async function dropStale(temp: string): Promise<void> {
  const own = basename(temp);
  const kin = own.replace(/[^.]+\.[^.]+\.tmp$/, '');
  const left = (await readdir(dirname(temp))).filter((file) => file.startsWith(kin) && file.endsWith('.tmp'));
  const stale = left.filter((file) => file !== own).map((file) => join(dirname(temp), file));
  await Promise.all(stale.map((path) => rm(path, { recursive: true, force: true })));
}

/** What a repository of the cache holds at its source ref, as a SourceTree. */
async function sourceTree(
  name: string,
  gitDir: string,
  work: string,
  ctx: StageContext,
): Promise<SourceTree> {
  const { signal } = ctx;
  const [commit = '', tree = ''] = (
    await ask(['rev-parse', SOURCE_REF, `${SOURCE_REF}^{tree}`], { gitDir, signal })
  ).split('\n');
  return { name, gitDir, commit, tree, workDir: workDirOf(work) };
}

/**
 * A tarball as a repository in the cache, unpacked once for each `identity` (package version or content hash).
 * Takes about a minute for a kernel the first time.
 */
export async function fromTarball(
  name: string,
  tarball: string,
  identity: string | undefined,
  ctx: StageContext,
): Promise<SourceTree> {
  const hash = hashOf(identity ?? (await hashFile(tarball))).slice(0, 12);
  const { dir } = await ensureFolder(
    join(sourcesDir(), `${name}-${hash}`),
    async (gitDir) => {
      await dropStale(gitDir);
      ctx.emit({ type: 'source.start', source: name, action: 'unpack', from: tarball });
      const into = join(gitDir, 'unpacked');
      await initRepository(gitDir, ctx.signal);
      await mkdir(into);
      const { root, files } = await unpack(tarball, into, name, ctx);
      await addFolder(root, gitDir, name, ctx, { force: true, total: files });
      await rm(into, { recursive: true });
      ctx.emit({ type: 'source.end', source: name, files });
    },
    { signal: ctx.signal, onWait: () => ctx.emit({ type: 'lock.wait', for: 'source', subject: name }) },
  );
  return sourceTree(name, dir, name, ctx);
}

/** A plain folder as a repository in the cache; it is only read. Taken again each time: only changed files cost. */
export async function fromFolder(name: string, folder: string, ctx: StageContext): Promise<SourceTree> {
  const { signal } = ctx;
  const real = await realpath(folder);
  const work = `${name}-${hashOf(real).slice(0, 8)}`;
  const repository = join(sourcesDir(), work);
  await ensureFolder(repository, (gitDir) => initRepository(gitDir, signal), { signal });
  await using _held = await lock(`${repository}.lock.d`, signal);
  // We hold the lock: an index.lock was left by a ringlab that was killed.
  await rm(join(repository, 'index.lock'), { force: true });
  ctx.emit({ type: 'source.start', source: name, action: 'read', from: folder });
  await addFolder(real, repository, name, ctx, { force: false });
  ctx.emit({ type: 'source.end', source: name });
  return sourceTree(name, repository, work, ctx);
}

/** Size and kind of a path, or undefined when it is not there. */
export function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}

/** Whether `folder` lies at the top of a git work tree or is a bare repository; its git folder then. */
export async function gitFolderOf(folder: string, signal: AbortSignal): Promise<string | undefined> {
  const real = await realpath(folder);
  const args = ['-C', real, 'rev-parse', '--absolute-git-dir', '--is-bare-repository'];
  const { code, stdout } = await run('git', args, { signal, accept: 'any' });
  const [gitDir = '', bare] = stdout.trim().split('\n');
  if (code !== 0) return undefined;
  if (bare === 'true') return gitDir === real ? gitDir : undefined;
  const top = await run('git', ['-C', real, 'rev-parse', '--show-toplevel'], { signal, accept: 'any' });
  return top.code === 0 && top.stdout.trim() === real
    ? gitDir
    : dirname(gitDir) === real
      ? gitDir
      : undefined;
}
