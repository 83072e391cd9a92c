import { totalmem } from 'node:os';

/** A folder at which the sandbox sees `lower`, which it never changes, under its own changes in `upper`. Paths are absolute and exist. */
export interface Overlay {
  /** Where the sandbox sees it; may be `lower` itself. */
  at: string;
  lower: string;
  /** Receives what the sandbox writes; an empty folder, or one of an earlier sandbox on the same `lower`. */
  upper: string;
  /** An empty folder on the file system of `upper`, for the kernel's own use. */
  work: string;
}

/** What a sandboxed command may use at most. */
export interface Limits {
  /** Wall time, s; then the command is ended, and its exit code is `TIME_LIMIT_CODE`. */
  seconds: number;
  /** Memory of all processes, bytes, with a cgroup; without, the address space of each process. */
  memoryBytes: number;
  /** Processes and threads at the same time. */
  processes: number;
  /** Size of each file that is written, bytes. */
  fileBytes: number;
  /** Output that the lab reads, bytes; enforced by the caller's `run` (`maxOutput`). */
  outputBytes: number;
  /** Size of the private /tmp and of /dev/shm, bytes each. */
  tmpBytes: number;
}

/** What a sandboxed command may touch besides the compilers and tools in /usr. Paths are absolute and exist. */
export interface SandboxAccess {
  /** Folders that it may write. */
  writable: readonly string[];
  /** Files and folders that it may read. */
  readable: readonly string[];
  /** Working folder: below one of those, or `/`. */
  cwd: string;
  overlays?: readonly Overlay[];
  /** Folders `from` that it may write and sees at the path `at`. */
  mounts?: readonly { at: string; from: string }[];
  /** Replaces single defaults (`defaultLimits`). */
  limits?: Partial<Limits>;
  /** The whole environment of the command; default only PATH. */
  env?: Readonly<Record<string, string>>;
}

/** Whether code of kernels and recipes may run without a sandbox. */
export interface SandboxPolicy {
  /** `--unsafe-no-sandbox`: no sandbox is used. */
  unsafeNoSandbox?: boolean | undefined;
}

/** Exit code of a command that was ended because its wall time was over (timeout(1)). */
export const TIME_LIMIT_CODE = 124;

/** Exit code of a command of which a process was ended because it needed more memory than the limit. */
export const MEMORY_LIMIT_CODE = 122;

/** Exit code of a command that was ended because it had more processes and threads than the limit, where no cgroup keeps it from that. */
export const PROCESS_LIMIT_CODE = 123;

/** Exit code when the command did not start, because the sandbox could not be set up: its standard error says why. */
export const SANDBOX_FAILED_CODE = 125;

/** PATH of sandboxed commands that are given no environment. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const GiB = 2 ** 30;

/**
 * Limits that a build does not meet: a debug kernel (KASAN, DWARF) takes 20 minutes with one CPU, 3 GiB for its link, 1 GiB for vmlinux and
 * prints 1 MB.
 */
export function defaultLimits(): Limits {
  return {
    seconds: 6 * 3600,
    memoryBytes: Math.max(GiB, Math.floor(totalmem() * 0.8)),
    processes: 8192,
    fileBytes: 16 * GiB,
    outputBytes: GiB / 4,
    tmpBytes: 2 * GiB,
  };
}

/** Address space of one process where no cgroup counts memory: never below 8 GiB by default, since much of it is never used. */
export function addressSpace({ memoryBytes }: Partial<Limits> = {}): number {
  return memoryBytes ?? Math.max(8 * GiB, totalmem());
}
