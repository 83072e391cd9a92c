import { GIT_SETTINGS, plainEnv } from '../core/git-env.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { type SourceTree, sourceOf } from '../model/kernel.ts';
import type { Release } from './kconfig/releases.ts';

/** Bytes of a Makefile that are read: that of Linux 7.3 has 70 KB. */
const MAX_MAKEFILE = 1 << 20;

/**
 * The release of a tree, from VERSION and PATCHLEVEL of its top Makefile; undefined when there is none. Of a tree with patches it is that
 * of its source, so that a series cannot change what is asked of its kernel. Throws OutputLimitError for a Makefile of more than 1 MiB.
 */
export async function releaseOf(tree: SourceTree, { signal }: StageContext): Promise<Release | undefined> {
  const { commit, gitDir } = sourceOf(tree) ?? tree;
  const args = ['-c', 'safe.directory=*', ...GIT_SETTINGS, 'cat-file', 'blob', `${commit}:Makefile`];
  const env = { ...plainEnv(), GIT_DIR: gitDir };
  const options = { signal, cleanEnv: true, env, maxOutput: MAX_MAKEFILE, accept: 'any' } as const;
  const { stdout } = await run('git', args, options);
  const numberOf = (name: string) => new RegExp(`^${name}\\s*:?=\\s*(\\d{1,5})\\s*$`, 'm').exec(stdout)?.[1];
  const [major, minor] = [numberOf('VERSION'), numberOf('PATCHLEVEL')];
  if (major === undefined) return undefined;
  return { major: Number(major), minor: Number(minor ?? 0) };
}
