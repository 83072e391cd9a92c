import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic, writeJson } from '../core/atomic.ts';
import { exists } from '../core/cache.ts';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { SourceTree } from '../model/kernel.ts';

/**
 * The checked-out files of a source, in `workDir/tree`. Switching between commits gives a new time stamp only to files that
 * differ. Its git folder `workDir/tree.git` borrows the objects of the source's repository and never writes to that.
 * Callers hold `lock(workDir)`.
 */
export class WorkTree {
  readonly path: string;
  readonly #gitDir: string;
  readonly #commitFile: string;

  constructor(readonly workDir: string) {
    this.path = join(workDir, 'tree');
    this.#gitDir = join(workDir, 'tree.git');
    this.#commitFile = join(workDir, 'tree.json');
  }

  #git(args: string[], signal?: AbortSignal) {
    const settings = ['-c', 'core.autocrlf=false', '-c', 'core.hooksPath=/dev/null', '-c', 'gc.auto=0'];
    const folders = [`--git-dir=${this.#gitDir}`, `--work-tree=${this.path}`];
    const env = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
    return run('git', [...settings, ...folders, ...args], { cwd: this.path, env, signal });
  }

  /** Creates the git folder and adds the objects of `gitDir` to its alternates (gitrepository-layout(5)). */
  async #borrow(gitDir: string, signal?: AbortSignal): Promise<void> {
    await mkdir(this.path, { recursive: true });
    if (!(await exists(join(this.#gitDir, 'HEAD'))))
      await run('git', ['init', '-q', '--bare', this.#gitDir], { cwd: this.workDir, signal });
    const { stdout } = await run('git', ['rev-parse', '--path-format=absolute', '--git-path', 'objects'], {
      cwd: gitDir,
      signal,
    });
    const file = join(this.#gitDir, 'objects/info/alternates');
    const alternates = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
    if (alternates.includes(stdout.trim())) return;
    await writeAtomic(file, `${[...alternates, stdout.trim()].join('\n')}\n`);
  }

  /** The commit that is checked out; undefined before the first checkout and after an interrupted one. */
  async current(): Promise<string | undefined> {
    try {
      return (JSON.parse(await readFile(this.#commitFile, 'utf8')) as { commit: string }).commit;
    } catch {
      return undefined;
    }
  }

  /** Checks a commit out. After an interrupted checkout all files are compared. Throws LabError when git fails. */
  async checkout({ gitDir, commit, name }: SourceTree, signal?: AbortSignal): Promise<void> {
    const current = await this.current();
    if (current === commit) return;
    await this.#borrow(gitDir, signal);
    await rm(this.#commitFile, { force: true });
    // Callers hold our lock, so a lock file of git was left by one that was killed.
    for (const file of ['index.lock', 'HEAD.lock']) await rm(join(this.#gitDir, file), { force: true });
    try {
      await this.#git(['checkout', '--quiet', '--force', '--detach', commit], signal);
    } catch (error) {
      signal?.throwIfAborted();
      // A killed git may leave a truncated index; without an index git rewrites every file.
      await rm(join(this.#gitDir, 'index'), { force: true });
      await this.#git(['checkout', '--quiet', '--force', '--detach', commit], signal).catch((second) => {
        throw new LabError(`cannot check out ${name}: ${String(second)}`, { cause: error });
      });
    }
    if (current === undefined) await this.#git(['clean', '-ffdxq'], signal);
    await writeJson(this.#commitFile, { commit });
  }
}
