import { addressSpace, defaultLimits, type Limits, type SandboxAccess } from './access.ts';
import { type Counter, scopePrefix } from './cgroup.ts';

/**
 * The limits of an access: its own, else the defaults. Files in /tmp and /dev/shm take memory, so that both together have at most half of it:
 * a command that fills them gets ENOSPC before a process of it is ended.
 */
export function limitsOf({ limits }: SandboxAccess): Limits {
  const { tmpBytes, ...rest } = { ...defaultLimits(), ...limits };
  return { ...rest, tmpBytes: Math.min(tmpBytes, Math.floor(rest.memoryBytes / 4)) };
}

/** What goes before the supervisor: the wall time, measured outside, where the command cannot end the clock, and a scope of systemd. */
export function outerLimits(counter: Counter | undefined, limits: Limits): string[] {
  return ['timeout', '--kill-after=5', `${limits.seconds}`, ...scopePrefix(counter, limits)];
}

/**
 * What goes before the command inside the sandbox: limits of single processes, which it cannot raise without capabilities.
 * `nproc` counts in the sandbox's user namespace; the kernel does not apply it to root (`isWatched`).
 */
export function innerLimits(counter: Counter | undefined, access: SandboxAccess): string[] {
  const { fileBytes, processes } = limitsOf(access);
  const countsMemory = counter?.kind === 'systemd' || counter?.folders.memory !== undefined;
  const memory = countsMemory ? [] : [`--as=${addressSpace(access.limits)}`];
  return ['prlimit', '--core=0', `--fsize=${fileBytes}`, `--nproc=${processes}`, ...memory, '--'];
}

/** Whether the supervisor counts the processes: where no cgroup does, and root is not held by `prlimit`. */
export function isWatched(counter: Counter | undefined, isRoot = process.getuid?.() === 0): boolean {
  return (
    isRoot && (counter === undefined || (counter.kind === 'cgroup' && counter.folders.pids === undefined))
  );
}

/** The limits that are in force, for records: `memory limit (cgroup v1)`. */
export function limitNames(counter: Counter | undefined, isRoot = process.getuid?.() === 0): string[] {
  const by = counter?.kind === 'systemd' ? 'systemd' : counter && `cgroup v${counter.version}`;
  const watched = isWatched(counter, isRoot);
  const folders = counter?.kind === 'cgroup' ? counter.folders : counter ? { memory: '', pids: '' } : {};
  return [
    'time limit',
    folders.memory === undefined ? 'memory limit of each process' : `memory limit (${by})`,
    folders.pids !== undefined ? `process limit (${by})` : `process limit (${watched ? 'watch' : 'prlimit'})`,
    'file size limit',
  ];
}
