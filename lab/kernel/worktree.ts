import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readFile, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomic, writeJson } from '../core/atomic.ts';
import { exists } from '../core/cache.ts';
import { LabError } from '../core/errors.ts';
import { GIT_SETTINGS, plainEnv } from '../core/git-env.ts';
import { run } from '../core/process.ts';
import { type SourceTree, sourceOf } from '../model/kernel.ts';

const State = z.object({
  /** What is checked out. */
  commit: z.string(),
  /** The source below all series: the commit that `times` is about. */
  source: z.string(),
  /** Changes with each change of files that `times` does not record. */
  stamp: z.string(),
  /** Changes when files get back an older time stamp, so that objects made before may be newer than other content. */
  epoch: z.string(),
  /** Modification times, s, of the source's files that a series has replaced since, by path. */
  times: z.record(z.string(), z.number()),
});
type State = z.infer<typeof State>;

/**
 * Files are checked out as they are committed, whatever attributes a tree gives them: those of one commit would shape files that the
 * next checkout leaves alone, because their content in git is the same (gitattributes(5): this file comes first).
 */
const ATTRIBUTES = '* -text !eol -ident !filter !working-tree-encoding\n';

/** Runs git without the user's settings. The cache may belong to another user (a container's root). */
function git(args: readonly string[], cwd: string, signal?: AbortSignal) {
  const env = plainEnv();
  return run('git', ['-c', 'safe.directory=*', ...GIT_SETTINGS, ...args], {
    cwd,
    cleanEnv: true,
    env,
    signal,
  });
}

const newId = () => randomBytes(8).toString('hex');

/**
 * The checked-out files of a source, in `workDir/tree`. Switching between commits gives a new time stamp only to files that
 * differ. Its git folder `workDir/tree.git` borrows the objects of the source's repository and never writes to that.
 * Callers hold `lock(workDir)`.
 */
export class WorkTree {
  readonly path: string;
  readonly #gitDir: string;
  readonly #stateFile: string;

  constructor(readonly workDir: string) {
    this.path = join(workDir, 'tree');
    this.#gitDir = join(workDir, 'tree.git');
    this.#stateFile = join(workDir, 'tree.json');
  }

  #git(args: string[], signal?: AbortSignal) {
    return git([`--git-dir=${this.#gitDir}`, `--work-tree=${this.path}`, ...args], this.path, signal);
  }

  /** Creates the git folder and adds the objects of `gitDir` to its alternates (gitrepository-layout(5)). */
  async #borrow(gitDir: string, signal?: AbortSignal): Promise<void> {
    await mkdir(this.path, { recursive: true });
    if (!(await exists(join(this.#gitDir, 'HEAD'))))
      await git(['init', '-q', '--bare', '--template=', this.#gitDir], this.workDir, signal);
    await writeAtomic(join(this.#gitDir, 'info/attributes'), ATTRIBUTES);
    const args = ['rev-parse', '--path-format=absolute', '--git-path', 'objects'];
    const { stdout } = await git(args, gitDir, signal);
    const file = join(this.#gitDir, 'objects/info/alternates');
    const alternates = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
    if (alternates.includes(stdout.trim())) return;
    await writeAtomic(file, `${[...alternates, stdout.trim()].join('\n')}\n`);
  }

  /** Undefined before the first checkout and after an interrupted one. */
  async #readState(): Promise<State | undefined> {
    try {
      return State.parse(JSON.parse(await readFile(this.#stateFile, 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** Equal as long as the source's files have the time stamps that they had; undefined after an interrupted checkout. */
  async stamp(): Promise<string | undefined> {
    return (await this.#readState())?.stamp;
  }

  /** Equal as long as a file that changes gets a newer time stamp; undefined after an interrupted checkout. */
  async epoch(): Promise<string | undefined> {
    return (await this.#readState())?.epoch;
  }

  /**
   * Checks a tree out. After an interrupted checkout all files are compared. `fresh`: it is for a build that starts from objects of the
   * source, so that files which have the source's content get back the time stamps that the source's objects were made from: they
   * would otherwise be compiled in each build after a series that touches them. Throws LabError when git fails.
   */
  async checkout(tree: SourceTree, { fresh }: { fresh: boolean }, signal?: AbortSignal): Promise<void> {
    const source = sourceOf(tree) ?? tree;
    let state = await this.#readState();
    if (state?.source !== source.commit) state = await this.#toSource(source, state, signal);
    if (state.commit !== tree.commit) state = await this.#switch(tree, state, signal);
    if (fresh) await this.#restoreTimes(state, signal);
  }

  /** Checks a source out whose files' time stamps are unknown. */
  async #toSource(source: SourceTree, state: State | undefined, signal?: AbortSignal): Promise<State> {
    await rm(this.#stateFile, { force: true });
    await this.#checkoutCommit(source, signal);
    if (state === undefined) await this.#git(['clean', '-ffdxq'], signal);
    const { commit } = source;
    const next = { commit, source: commit, stamp: newId(), epoch: newId(), times: {} };
    await writeJson(this.#stateFile, next);
    return next;
  }

  /** Changes from one tree on a source to another, and remembers the time stamps of the source's files that are replaced. */
  async #switch(tree: SourceTree, state: State, signal?: AbortSignal): Promise<State> {
    await this.#borrow(tree.gitDir, signal);
    const times: State['times'] = Object.assign(Object.create(null), state.times);
    for (const path of await this.#changed(state.commit, tree.commit, signal)) {
      if (times[path] !== undefined) continue;
      const info = await lstat(join(this.path, path)).catch(() => undefined);
      if (info) times[path] = info.mtimeMs / 1000;
    }
    const next = { ...state, commit: tree.commit, times };
    await rm(this.#stateFile, { force: true });
    await this.#checkoutCommit(tree, signal);
    await writeJson(this.#stateFile, next);
    return next;
  }

  /** Paths whose content differs between two commits. */
  async #changed(from: string, to: string, signal?: AbortSignal): Promise<string[]> {
    if (from === to) return [];
    const args = ['diff-tree', '-r', '-z', '--name-only', '--no-renames', from, to];
    return (await this.#git(args, signal)).stdout.split('\0').filter(Boolean);
  }

  async #restoreTimes(state: State, signal?: AbortSignal): Promise<void> {
    const paths = Object.keys(state.times);
    if (paths.length === 0) return;
    const patched = new Set(await this.#changed(state.source, state.commit, signal));
    const unpatched = paths.filter((path) => !patched.has(path));
    if (unpatched.length === 0) return;
    const times = { ...state.times };
    for (const path of unpatched) {
      const seconds = times[path] ?? 0;
      // A link has a time that utimes(2) cannot set; kbuild compiles no link.
      const isFile = (await lstat(join(this.path, path)).catch(() => undefined))?.isFile();
      if (isFile) await utimes(join(this.path, path), seconds, seconds);
      delete times[path];
    }
    // Otherwise git takes the files for changed, and the next checkout writes them again.
    await this.#git(['update-index', '-q', '--refresh'], signal);
    await writeJson(this.#stateFile, { ...state, times, epoch: newId() });
  }

  async #checkoutCommit({ gitDir, commit, name }: SourceTree, signal?: AbortSignal): Promise<void> {
    await this.#borrow(gitDir, signal);
    // Callers hold our lock, so a lock file of git was left by one that was killed.
    for (const file of ['index.lock', 'HEAD.lock']) await rm(join(this.#gitDir, file), { force: true });
    const args = ['checkout', '--quiet', '--force', '--detach', commit];
    try {
      await this.#git(args, signal);
    } catch (error) {
      signal?.throwIfAborted();
      // A killed git may leave a truncated index; without an index git rewrites every file.
      await rm(join(this.#gitDir, 'index'), { force: true });
      await this.#git(args, signal).catch((second) => {
        throw new LabError(`cannot check out ${name}: ${String(second)}`, { cause: error });
      });
    }
  }
}
