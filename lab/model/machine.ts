import type { Readable } from 'node:stream';
import type { GuestProfile } from './guest.ts';
import type { NamespaceInfo } from './protocol.ts';

/** A built root file system image (read-only, erofs). */
export interface Image {
  recipe: string;
  /** Content key: recipe files, package versions, node version. */
  key: string;
  path: string;
}

/** KVM, or emulation by TCG. */
export type Accel = 'kvm' | 'tcg';

/** How guests run on this machine. */
export interface AccelChoice {
  accel: Accel;
  /** Evidence for the choice. */
  reason: string;
}

/** A script that the waiting Node of a template loads and holds back, with the files that it needs. */
export interface Preload {
  /** Content key of the files. */
  key: string;
  /** Absolute path in the guest. */
  script: string;
  files: readonly { from: string; to: string }[];
}

/** What to boot. */
export interface GuestRequest {
  /** Readable name for events, e.g. `debian-6.12/plain`. */
  name: string;
  profile: GuestProfile;
  /** Path of the uncompressed kernel (`Arch.kernel.bootFile`), and its build key. */
  kernel: { vmlinux: string; key?: string };
  image: Image;
  accel: Accel;
  /** Folder for console log, drives and keys of this boot; the caller owns it. */
  dir: string;
  /** Deadline from QEMU start to ready, ms. */
  bootTimeoutMs: number;
  /** Bytes of console after which the guest is ended; default 256 MiB. */
  consoleBytes?: number | undefined;
  /** Kernel arguments that give an emulated guest the rate of its clock. */
  clockArgs?: readonly string[];
  kernelArgs?: string[];
  qemuArgs?: string[];
  /** What a template may have loaded for this guest. */
  preload?: Preload | undefined;
}

/**
 * Why a guest ended without being asked to. `signal`: QEMU was ended from outside, e.g. for want of memory; `qemu`: QEMU crashed or
 * gave up by itself. Both say nothing about the kernel. `flood`: the guest printed more than the lab keeps. `tail`: the last lines of
 * its console.
 */
export interface GuestDeath {
  kind: 'panic' | 'reboot' | 'exit' | 'signal' | 'qemu' | 'silent' | 'boot-timeout' | 'flood';
  title: string;
  tail: string;
}

/** Whether a death is the fault of the lab's machine or of QEMU, not of the kernel. */
export const isLabFault = (kind: GuestDeath['kind']): boolean => kind === 'signal' || kind === 'qemu';

/** How a guest came to be. */
export interface GuestStart {
  how: 'boot' | 'fork';
  reason?: string;
  /** The template had loaded the agent. */
  preloaded?: true;
}

/** How to run a command in a guest. */
export interface ExecOptions {
  /** Kills the command when it fires. */
  signal?: AbortSignal;
  /** Standard input of the command, empty by default. A stream is destroyed when the command ends. */
  stdin?: string | Readable;
  onStdout?: (chunk: Buffer) => void;
  onStderr?: (chunk: Buffer) => void;
}

/** A booted guest that is ready. Disposing it kills QEMU and waits for its end. */
export interface Guest extends AsyncDisposable {
  readonly name: string;
  /** Process id of QEMU. */
  readonly pid: number;
  /** What confines QEMU, by name: `seccomp`, `mount-namespace`, `uid-61100`, ... Empty when nothing does. */
  readonly confinement: readonly string[];
  readonly accel: Accel;
  readonly qemuVersion: string;
  /** Full command line, program first. */
  readonly commandLine: readonly string[];
  /** When QEMU was started, on the clock of `performance.now()`. */
  readonly startedAt: number;
  /** Key of what it had loaded when it was forked (`Preload`). */
  readonly preloaded?: string | undefined;
  /** Whether it booted, or continues a template; `reason`: why it booted. */
  readonly start: GuestStart;
  /** ms from QEMU start to ready. */
  readonly bootMs: number;
  readonly devices: readonly NamespaceInfo[];
  /** Facts for the suites: profile facts + `vcpus`, `iommu`, `icount`, `kvm`, `swiotlb`. */
  readonly facts: Record<string, string | number | boolean>;
  /** Resolves (never rejects) when the guest dies without being asked to. */
  readonly death: Promise<GuestDeath>;
  /** SSH details for an interactive client: `ssh -i key -p port root@127.0.0.1`. */
  readonly ssh: { port: number; keyFile: string; hostKeyFile: string };
  /** Runs a command. `code` is null when a signal ended it or the connection was lost. Throws the abort reason of `options.signal`. */
  exec(command: string, options?: ExecOptions): Promise<{ code: number | null; signal?: string }>;
  /** Copies files into the guest over SFTP and creates their folders; `mode` defaults to 0o644. Throws LabError. */
  push(files: readonly { from: string | Buffer; to: string; mode?: number }[]): Promise<void>;
  /** Serves the agent's requests (lab/model/protocol.ts) until disposed; `port` is the guest's, for RINGLAB_HOST_PORT. */
  serveHost(): Promise<{ port: number } & AsyncDisposable>;
  /** Runs a QMP command and returns its result. Throws LabError with QEMU's message, or when QEMU has ended. */
  qmp(command: string, args?: Record<string, unknown>): Promise<unknown>;
  /**
   * Lets the kernel print its blocked tasks and busy CPUs on the console, also when no process can run, and returns what it prints.
   * Never rejects: a kernel that does not react is described.
   */
  showTasks(): Promise<string>;
  /** Calls `watcher` with each later line of the console, without its end, bytes as latin1. Returns a function that stops it. */
  watchConsole(watcher: (line: string) => void): () => void;
  /** The console from byte `from` to now, as UTF-8 with invalid bytes replaced. Throws as `checkConsole`. */
  consoleText(from?: number): string;
  /** The console, complete once the guest is disposed unless `checkConsole` throws. */
  readonly consoleFile: string;
  /**
   * Throws the error of the file system or LabError when `consoleFile` lacks something that the guest has printed so far. Has to be
   * called before the file is evidence of what did not happen.
   */
  checkConsole(): void;
}
