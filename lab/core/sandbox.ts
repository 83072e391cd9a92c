import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { errorText } from './errors.ts';
import { run } from './process.ts';

/** What a sandboxed command may touch besides a read-only host. Paths are absolute and exist. */
export interface SandboxAccess {
  /** Folders that it may write. */
  writable: readonly string[];
  /** Folders that stay visible, read-only, even where they lie below a hidden one. */
  readable: readonly string[];
  cwd: string;
}

const NAMESPACES = ['--unshare-net', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--die-with-parent'];
const HOST = ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'];

/**
 * Bubblewrap arguments that go before a command: no network, no view of other processes, the host read-only, home and
 * temporary folders hidden. For commands that run code which the user has not read.
 */
function sandboxArgs({ writable, readable, cwd }: SandboxAccess): string[] {
  const hidden = ['/tmp', '/var/tmp', '/run', homedir()].filter((path) => existsSync(path));
  return [
    ...NAMESPACES,
    ...HOST,
    ...hidden.flatMap((path) => ['--tmpfs', path]),
    ...readable.flatMap((path) => ['--ro-bind', path, path]),
    ...writable.flatMap((path) => ['--bind', path, path]),
    ...['--chdir', cwd, '--'],
  ];
}

/**
 * Runs `true` in the same sandbox that `sandboxed` uses. Resolves to undefined when it works, else to the reason in one line:
 * bubblewrap is missing, or the kernel or a container forbids its namespaces. Throws only the abort reason.
 */
export async function trySandbox(signal?: AbortSignal): Promise<string | undefined> {
  const args = [...sandboxArgs({ writable: [], readable: [], cwd: '/' }), 'true'];
  try {
    const { code, stderr } = await run('bwrap', args, { accept: 'any', signal });
    if (code === 0) return undefined;
    return stderr.trim().split('\n').at(-1) || `bwrap ended with code ${code}`;
  } catch (error) {
    signal?.throwIfAborted();
    return errorText(error).trim();
  }
}

let works: Promise<boolean> | undefined;

/** Whether `trySandbox` finds a working sandbox here; tried once in the life of this process. */
export function sandboxWorks(): Promise<boolean> {
  works ??= trySandbox().then((reason) => reason === undefined);
  return works;
}

/** A command line that runs `command` in the sandbox; `command` unchanged where no sandbox works. */
export async function sandboxed(command: readonly string[], access: SandboxAccess): Promise<string[]> {
  return (await sandboxWorks()) ? ['bwrap', ...sandboxArgs(access), ...command] : [...command];
}
