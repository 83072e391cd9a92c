import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ensureFolder } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { git, initRepository } from './git.ts';
import { sourcesDir, workDirOf } from './snapshot.ts';

/** Asks the user's own repository; it is never written, not even its index. */
async function askUser(folder: string, args: readonly string[], signal: AbortSignal) {
  const quiet = ['--no-optional-locks', '-c', 'core.fsmonitor=false', '-C', folder];
  return run('git', [...quiet, ...args], { signal, accept: 'any' });
}

async function commitOf(folder: string, revision: string, signal: AbortSignal): Promise<string> {
  const args = ['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`];
  const { code, stdout, stderr } = await askUser(folder, args, signal);
  if (code === 0) return stdout.trim();
  const what = `no commit "${revision}"`;
  throw new InputError({
    what,
    where: folder,
    expected: 'a branch, tag or commit of it',
    fix: stderr.trim(),
  });
}

/** A repository of the cache that sees the objects of the user's through `alternates`: made in no time, copies nothing. */
async function viewOf(folder: string, gitDir: string, name: string, signal: AbortSignal): Promise<string> {
  const objects = (
    await askUser(folder, ['rev-parse', '--path-format=absolute', '--git-path', 'objects'], signal)
  ).stdout;
  const format = (await askUser(folder, ['rev-parse', '--show-object-format'], signal)).stdout.trim();
  const path = join(sourcesDir(), `${name}-${hashOf(gitDir, objects).slice(0, 8)}`);
  const { dir } = await ensureFolder(
    path,
    async (made) => {
      await initRepository(made, signal, format || 'sha1');
      await mkdir(join(made, 'objects/info'), { recursive: true });
      await writeFile(join(made, 'objects/info/alternates'), `${objects.trim()}\n`);
    },
    { signal },
  );
  return dir;
}

/** A commit of a git tree of the user's (`revision`, default HEAD). The tree is read only and never checked out. */
export async function fromGitTree(
  name: string,
  folder: string,
  gitDir: string,
  revision: string | undefined,
  ctx: StageContext,
): Promise<SourceTree> {
  const { signal } = ctx;
  const commit = await commitOf(folder, revision ?? 'HEAD', signal);
  const bare = gitDir === (await realpath(folder));
  if (revision === undefined && !bare) {
    const { code } = await askUser(folder, ['diff-index', '--quiet', 'HEAD', '--'], signal);
    if (code === 1) ctx.emit({ type: 'note', note: { code: 'source.uncommitted', subject: folder } });
  }
  const view = await viewOf(folder, gitDir, name, signal);
  const { stdout } = await git(['rev-parse', `${commit}^{tree}`], { gitDir: view, signal });
  return {
    name: `${name}-${commit.slice(0, 12)}`,
    gitDir: view,
    commit,
    tree: stdout.trim(),
    workDir: workDirOf(basename(view)),
  };
}
