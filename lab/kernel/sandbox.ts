import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { run } from '../core/process.ts';

/** What a command in the sandbox may touch besides a read-only host. */
export interface Confines {
  /** Folders that it may write. */
  writable: string[];
  /** Folders that it must see although they may lie under a hidden one. */
  readable: string[];
  cwd: string;
}

const isolated = ['--unshare-net', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--die-with-parent'];
const host = ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'];

/**
 * The bubblewrap arguments in front of a command: no network, no processes of others, host read-only, home and temporary
 * folders hidden. Patches are input from strangers, and a Makefile can run anything.
 */
export function confine({ writable, readable, cwd }: Confines): string[] {
  const folders = ['/tmp', '/var/tmp', '/run', homedir()].filter((path) => existsSync(path));
  const hidden = folders.flatMap((path) => ['--tmpfs', path]);
  const seen = readable.flatMap((path) => ['--ro-bind', path, path]);
  const open = writable.flatMap((path) => ['--bind', path, path]);
  return [...isolated, ...host, ...hidden, ...seen, ...open, '--chdir', cwd, '--'];
}

let working: Promise<boolean> | undefined;

/** Whether bubblewrap is there and may make namespaces here; tried once a process by using it. */
export function sandboxWorks(): Promise<boolean> {
  working ??= run('bwrap', [...confine({ writable: [], readable: [], cwd: '/' }), 'true'], {
    accept: 'any',
  }).then(
    ({ code }) => code === 0,
    () => false,
  );
  return working;
}
