import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic, writeJson } from '../core/atomic.ts';
import { exists } from '../core/cache.ts';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { SourceTree } from '../model/kernel.ts';

/**
 * The files of a source, in `workDir/tree`, switched from state to state so that only files that differ get a new time
 * stamp. Its git folder lies beside it, borrows the objects of the source's repository and never writes there.
 * Callers hold `lock(workDir)`.
 */
export class WorkTree {
  readonly path: string;
  readonly #git: string;
  readonly #mark: string;

  constructor(readonly workDir: string) {
    this.path = join(workDir, 'tree');
    this.#git = join(workDir, 'tree.git');
    this.#mark = join(workDir, 'tree.json');
  }

  #run(args: string[], signal?: AbortSignal) {
    const settings = ['-c', 'core.autocrlf=false', '-c', 'core.hooksPath=/dev/null', '-c', 'gc.auto=0'];
    const where = [`--git-dir=${this.#git}`, `--work-tree=${this.path}`];
    const env = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
    return run('git', [...settings, ...where, ...args], { cwd: this.path, env, signal });
  }

  /** Makes the private git folder and lets it see the objects of `gitDir`. */
  async #borrow(gitDir: string, signal?: AbortSignal): Promise<void> {
    await mkdir(this.path, { recursive: true });
    if (!(await exists(join(this.#git, 'HEAD'))))
      await run('git', ['init', '-q', '--bare', this.#git], { cwd: this.workDir, signal });
    const { stdout } = await run('git', ['rev-parse', '--path-format=absolute', '--git-path', 'objects'], {
      cwd: gitDir,
      signal,
    });
    const file = join(this.#git, 'objects/info/alternates');
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
    if (lines.includes(stdout.trim())) return;
    await writeAtomic(file, `${[...lines, stdout.trim()].join('\n')}\n`);
  }

  /** The commit that the files are known to be; undefined after an interrupted switch. */
  async current(): Promise<string | undefined> {
    try {
      return (JSON.parse(await readFile(this.#mark, 'utf8')) as { commit: string }).commit;
    } catch {
      return undefined;
    }
  }

  /** Brings the files to a state. After an interruption everything is compared, else only what differs is touched. */
  async checkout({ gitDir, commit, name }: SourceTree, signal?: AbortSignal): Promise<void> {
    const current = await this.current();
    if (current === commit) return;
    await this.#borrow(gitDir, signal);
    await rm(this.#mark, { force: true });
    // Nobody else uses this index: a lock file can only be left by a git that was killed.
    for (const name of ['index.lock', 'HEAD.lock']) await rm(join(this.#git, name), { force: true });
    try {
      await this.#run(['checkout', '--quiet', '--force', '--detach', commit], signal);
    } catch (error) {
      signal?.throwIfAborted();
      // A killed git may leave a torn index; without one every file is written anew.
      await rm(join(this.#git, 'index'), { force: true });
      await this.#run(['checkout', '--quiet', '--force', '--detach', commit], signal).catch((second) => {
        throw new LabError(`cannot check out ${name}: ${String(second)}`, { cause: error });
      });
    }
    if (current === undefined) await this.#run(['clean', '-ffdxq'], signal);
    await writeJson(this.#mark, { commit });
  }
}
