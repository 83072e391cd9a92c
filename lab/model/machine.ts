import type { GuestProfile } from './guest.ts';
import type { NamespaceInfo } from './protocol.ts';

/** A built root file system image (read-only, erofs). */
export interface Image {
  recipe: string;
  /** Content key: recipe files, package versions, node version. */
  key: string;
  path: string;
}

export type Accel = 'kvm' | 'tcg';

/** Has all that node and the kernel use (x86-64-v2) and is a tenth cheaper to emulate than `max` with its five-level page tables. */
export const EMULATED_CPU = 'Nehalem';

/** What to boot. */
export interface GuestRequest {
  /** Readable name for events, e.g. `debian-6.12/plain`. */
  name: string;
  profile: GuestProfile;
  kernel: { vmlinux: string };
  image: Image;
  accel: Accel;
  /** Folder for console log, disks and sockets of this boot; the caller owns it. */
  dir: string;
  /** Deadline from QEMU start to hello, ms. */
  bootTimeoutMs: number;
  kernelArgs?: string[];
  qemuArgs?: string[];
}

/** Why a guest is not there any more. `tail` is the console's end. */
export interface GuestDeath {
  kind: 'panic' | 'reboot' | 'exit' | 'signal' | 'silent' | 'boot-timeout';
  title: string;
  tail: string;
}

export interface ExecOptions {
  signal?: AbortSignal;
  stdin?: string;
  onStdout?: (chunk: Buffer) => void;
  onStderr?: (chunk: Buffer) => void;
}

/** A booted guest that has said hello. Disposing it kills QEMU and waits for its end. */
export interface Guest extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly accel: Accel;
  readonly qemuVersion: string;
  /** Full command line, program first. */
  readonly commandLine: readonly string[];
  /** When QEMU was started, on the clock of `performance.now()`. */
  readonly startedAt: number;
  /** ms from QEMU start to hello. */
  readonly bootMs: number;
  readonly devices: readonly NamespaceInfo[];
  /** Facts for the suites: profile facts + `vcpus`, `iommu`, `icount`, `kvm`, `swiotlb`. */
  readonly facts: Record<string, string | number | boolean>;
  /** Resolves (never rejects) when the guest dies without being asked to. */
  readonly death: Promise<GuestDeath>;
  /** SSH details for an interactive client: `ssh -i key -p port root@127.0.0.1`. */
  readonly ssh: { port: number; keyFile: string; hostKeyFile: string };
  /** Runs a command. `code` is null when it ended by a signal or the connection was lost. */
  exec(command: string, options?: ExecOptions): Promise<{ code: number | null; signal?: string }>;
  /** Copies files into the guest over SFTP; folders are made. */
  push(files: readonly { from: string | Buffer; to: string; mode?: number }[]): Promise<void>;
  /** Answers the agent's requests (lab/model/protocol.ts); gives the guest port for RINGLAB_HOST_PORT. */
  serveHost(): Promise<{ port: number } & AsyncDisposable>;
  qmp(command: string, args?: Record<string, unknown>): Promise<unknown>;
  /** Everything that the console has said so far, as text (lossy UTF-8), from byte `from`. */
  consoleText(from?: number): string;
  readonly consoleFile: string;
}
