import { devNull } from 'node:os';

/**
 * Settings, as `-c` arguments, for git on content that is not trusted: no hook, monitor or replacement runs, no attribute file of the
 * user applies, and paths that another file system takes for `.git` are refused (git-config(1)).
 */
export const GIT_SETTINGS: readonly string[] = [
  'gc.auto=0',
  'core.quotePath=false',
  `core.hooksPath=${devNull}`,
  `core.attributesFile=${devNull}`,
  'core.fsmonitor=false',
  'core.autocrlf=false',
  'core.protectHFS=true',
  'core.protectNTFS=true',
].flatMap((setting) => ['-c', setting]);

/** Variables that keep git from the network and from programs of a remote: a repository may lack objects that it promises. */
const OFFLINE = {
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_NO_LAZY_FETCH: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ATTR_NOSYSTEM: '1',
};

/** Environment for git and tar without the user's settings. It has no other `GIT_` variable than its own. */
export function plainEnv(): Record<string, string> {
  const { PATH = '/usr/bin:/bin', TMPDIR } = process.env;
  return {
    PATH,
    ...(TMPDIR ? { TMPDIR } : {}),
    LC_ALL: 'C',
    HOME: devNull,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: devNull,
    ...OFFLINE,
  };
}

/**
 * Environment for git on a repository of the user: with the user's own settings, because `safe.directory` may be among them, but
 * without inherited `GIT_` variables, which could name another repository, index or configuration.
 */
export function userGitEnv(): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('GIT_'),
  );
  return { ...Object.fromEntries(inherited), LC_ALL: 'C', ...OFFLINE };
}
