import type { Stats } from 'node:fs';
import { mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DANGLING } from '../core/atomic.ts';
import { cacheRoot, ensureFolder } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { plainEnv, userGitEnv } from '../core/git-env.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import { run } from '../core/process.ts';
import { damageOf, discard, isSealed, seal } from '../core/seal.ts';
import { throwReportedFault } from '../core/storage.ts';
import type { EventOf, StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { ask, commitSource, DamagedRepository, fsck, git, initRepository } from './git.ts';

/** Ref of the source's commit in a repository of the cache. */
const SOURCE_REF = 'refs/ringlab/source';

/** Files between two progress events. */
const PROGRESS_STEP = 5000;

/** Folder of the repositories in the cache. */
export const sourcesDir = () => join(cacheRoot(), 'sources');
/** Lock and work folder of a source (`SourceTree.workDir`). */
export const workDirOf = (name: string) => join(cacheRoot(), 'work', name);

/** Counts lines and emits `source.progress` every `PROGRESS_STEP` of them. */
function counter(
  name: string,
  action: EventOf<'source.progress'>['action'],
  ctx: StageContext,
  total?: number,
): { line: () => void; count: () => number } {
  let done = 0;
  const line = () => {
    if (++done % PROGRESS_STEP !== 0) return;
    ctx.emit({ type: 'source.progress', source: name, action, done, ...(total ? { total } : {}) });
  };
  return { line, count: () => done };
}

/** Adds every file of a folder to the repository and commits. `force`: including those that .gitignore excludes. */
async function addFolder(
  folder: string,
  gitDir: string,
  name: string,
  ctx: StageContext,
  options: { force: boolean; total?: number },
): Promise<void> {
  const { signal } = ctx;
  const { line } = counter(name, 'add', ctx, options.total);
  // Files above this threshold are streamed into one pack, instead of 80,000 loose objects.
  const args = ['-c', 'core.bigFileThreshold=1', '-c', 'core.autocrlf=false', 'add', '--all', '--verbose'];
  const force = options.force ? ['--force'] : [];
  await git([...args, ...force, '--', '.'], { gitDir, workTree: folder, signal, onLine: line });
  const tree = await ask(['write-tree'], { gitDir, signal });
  await commitSource(tree, SOURCE_REF, gitDir, signal);
}

/** Unpacks a tarball. `root` is its only top folder, or `into` when it has several entries. Throws InputError when tar fails. */
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
    throwReportedFault('tar', stderr, into);
    const what = `tar cannot unpack it: ${stderr.trim().split('\n').slice(0, 3).join('; ')}`;
    throw new InputError({ what, where: tarball, expected: 'a tarball of a kernel tree' });
  }
  const top = await readdir(into, { withFileTypes: true });
  const [only] = top;
  return { root: top.length === 1 && only?.isDirectory() ? join(into, only.name) : into, files: count() };
}

/**
 * Removes temporary siblings of `temp` that killed processes left (their names differ in process id and random part). The caller
 * holds the lock, so none of them is in use.
 */
async function removeStale(temp: string): Promise<void> {
  const folder = dirname(temp);
  const prefix = basename(temp).replace(/[^.]+\.[^.]+\.tmp$/, '');
  const siblings = (await readdir(folder)).filter((file) => file.startsWith(prefix) && file.endsWith('.tmp'));
  const stale = siblings.filter((file) => file !== basename(temp));
  await Promise.all(stale.map((file) => rm(join(folder, file), { recursive: true, force: true })));
}

/** The commit at the source ref of a repository of the cache. */
async function sourceTree(
  name: string,
  gitDir: string,
  work: string,
  ctx: StageContext,
): Promise<SourceTree> {
  const { signal } = ctx;
  const [commit = '', tree = ''] = (
    await ask(['rev-parse', SOURCE_REF, `${SOURCE_REF}^{tree}`], { gitDir, signal, isSuspect: true })
  ).split('\n');
  return { name, gitDir, commit, tree, workDir: workDirOf(work) };
}

/** What is sealed of a repository: all that its source consists of. Applied series add objects and refs. */
const ofSource = (path: string) => /^(?:objects\/|HEAD$|config$|refs\/ringlab\/source$)/.test(path);

/**
 * What is wrong with the repository of a tarball; undefined when it is sound. One of an earlier version, or one that git reported, has
 * no seal: git fsck decides, and it is sealed.
 */
async function repositoryDamage(gitDir: string, ctx: StageContext): Promise<string | undefined> {
  const damage = await damageOf(gitDir);
  if (damage === undefined || damage === DANGLING || (await isSealed(gitDir))) return damage;
  const broken = await fsck(gitDir, ctx.signal);
  if (broken !== undefined) return broken;
  await seal(gitDir, ofSource);
  return undefined;
}

/** Notes the damage of a repository and removes it. The caller holds its lock. */
async function removeDamaged(gitDir: string, damage: string, ctx: StageContext): Promise<void> {
  const subject = `sources/${basename(gitDir)}`;
  ctx.emit({ type: 'note', note: { code: 'cache.damaged', subject, damage } });
  await discard(gitDir);
}

/**
 * A source as `make` gives it. A repository that git finds damaged is removed, and made again once; LabError when that does not help:
 * the tree whose objects it borrows may be damaged itself.
 */
export async function withRepair<T>(make: () => Promise<T>, ctx: StageContext): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof DamagedRepository)) throw error;
    {
      await using _held = await lock(`${error.gitDir}.lock.d`, ctx.signal);
      await removeDamaged(error.gitDir, error.damage, ctx);
    }
    return await make();
  }
}

/**
 * A tarball as a repository in the cache, unpacked once for each `identity` (package version; default: content hash). The first
 * time takes about a minute for a kernel. Throws InputError when tar cannot unpack it.
 */
export async function fromTarball(
  name: string,
  tarball: string,
  identity: string | undefined,
  ctx: StageContext,
): Promise<SourceTree> {
  const hash = hashOf(identity ?? (await hashFile(tarball))).slice(0, 12);
  const repository = join(sourcesDir(), `${name}-${hash}`);
  let damage: string | undefined;
  const { dir } = await ensureFolder(
    repository,
    async (gitDir) => {
      await removeStale(gitDir);
      ctx.emit({ type: 'source.start', source: name, action: 'unpack', from: tarball });
      const into = join(gitDir, 'unpacked');
      await initRepository(gitDir, ctx.signal);
      await mkdir(into);
      const { root, files } = await unpack(tarball, into, name, ctx);
      await addFolder(root, gitDir, name, ctx, { force: true, total: files });
      await rm(into, { recursive: true });
      await seal(gitDir, ofSource);
      ctx.emit({ type: 'source.end', source: name, files });
    },
    {
      signal: ctx.signal,
      onWait: () => ctx.emit({ type: 'lock.wait', for: 'source', subject: name }),
      isSound: async () => {
        damage = await repositoryDamage(repository, ctx);
        return damage === undefined;
      },
      discard: () => removeDamaged(repository, damage ?? 'unknown', ctx),
    },
  );
  return sourceTree(name, dir, name, ctx);
}

/** A folder that is no git tree as a repository in the cache. The folder is only read, on each call; git adds only changed files. */
export async function fromFolder(name: string, folder: string, ctx: StageContext): Promise<SourceTree> {
  const { signal } = ctx;
  const real = await realpath(folder);
  const work = `${name}-${hashOf(real).slice(0, 8)}`;
  const repository = join(sourcesDir(), work);
  await ensureFolder(repository, (gitDir) => initRepository(gitDir, signal), {
    signal,
    discard: () => removeDamaged(repository, DANGLING, ctx),
  });
  await using _held = await lock(`${repository}.lock.d`, signal);
  // The lock is ours, so an index.lock was left by a process that was killed.
  await rm(join(repository, 'index.lock'), { force: true });
  ctx.emit({ type: 'source.start', source: name, action: 'read', from: folder });
  await addFolder(real, repository, name, ctx, { force: false });
  ctx.emit({ type: 'source.end', source: name });
  return sourceTree(name, repository, work, ctx);
}

/** stat(2) of a path; undefined when it does not exist. */
export function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}

/** The git folder of a folder that is the top of a work tree or a bare repository; undefined otherwise. */
export async function gitFolderOf(folder: string, signal: AbortSignal): Promise<string | undefined> {
  const real = await realpath(folder);
  const args = ['-C', real, 'rev-parse', '--absolute-git-dir', '--is-bare-repository'];
  const options = { signal, accept: 'any', cleanEnv: true, env: userGitEnv() } as const;
  const { code, stdout } = await run('git', args, options);
  const [gitDir = '', bare] = stdout.trim().split('\n');
  if (code !== 0) return undefined;
  if (bare === 'true') return gitDir === real ? gitDir : undefined;
  const top = await run('git', ['-C', real, 'rev-parse', '--show-toplevel'], options);
  return top.code === 0 && top.stdout.trim() === real
    ? gitDir
    : dirname(gitDir) === real
      ? gitDir
      : undefined;
}
