import { LabError } from './errors.ts';
import { type RunOptions, type RunResult, run } from './process.ts';
import { type SandboxAccess, type SandboxPolicy, sandboxed } from './sandbox.ts';

/** Runs the shell command line of a template. Values are quoted by zx; an array becomes one word for each element. */
export type Shell = (pieces: TemplateStringsArray, ...values: readonly unknown[]) => Promise<RunResult>;

type ShellOptions = Omit<RunOptions, 'cwd' | 'env' | 'cleanEnv'> & {
  /** What the command line may touch; its working folder is `cwd`, its whole environment `env`. */
  access: SandboxAccess;
  policy?: SandboxPolicy;
};

/**
 * A zx `$` for shell steps. zx builds the command line and quotes values; bash (which zx's quoting is for) is started by `run`, so that
 * it has its process group, parent-death signal and abort handling. Errors are those of `run` and `sandboxed`. zx starts no process
 * itself, and its timeout, which can end with exit code 0, is never used.
 *
 * @example
 * const $ = shell({ access: { writable: [dir], readable: [], cwd: dir }, signal });
 * await $`cp ${files} ${target}`;
 */
export function shell({ access, policy, ...options }: ShellOptions): Shell {
  return async (pieces, ...values) => {
    // Loaded on first use: importing it takes 0.1 s, which verbs without shell steps need not spend.
    const { $, quote } = await import('zx/core');
    const { cmd } = $({ halt: true, shell: true, quote })(pieces, ...values);
    // Node's pipes are sockets, and bash with a socket as standard input takes itself for a remote shell: it would read bashrc files.
    const [file, ...args] = await sandboxed(['bash', '--norc', '-c', cmd], access, policy);
    if (file === undefined) throw new LabError('a shell step without a command');
    return run(file, args, { ...options, cwd: access.cwd });
  };
}
