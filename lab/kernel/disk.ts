import { statfsSync } from 'node:fs';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Room on a disk. */
export interface Room {
  bytes: number;
  files: number;
}

/**
 * What a build may write on top of three times what the build of its source has left; `unbuilt`: where there is no such build. A debug
 * kernel with all modules takes 20 GiB, in 200,000 files.
 */
export const DISK_ALLOWANCE = {
  built: { bytes: 2 * GiB, files: 60_000 },
  unbuilt: { bytes: 32 * GiB, files: 400_000 },
} as const;

/** Free bytes below which a disk is full for a compiler, which writes each output as a whole. */
const FULL = 64 * MiB;

/** The disk is looked at this often, ms: asking for its free space takes microseconds. */
const INTERVAL_MS = 200;

/** How much less has to be free before the folder of the build is measured again: bytes, inodes. */
const STEP: Room = { bytes: 256 * MiB, files: 20_000 };

/** What is free for this user on the file system of a folder. */
function freeOf(folder: string): Room {
  const { bavail, bsize, ffree } = statfsSync(folder);
  return { bytes: bavail * bsize, files: ffree };
}

/** Whether so little is free on the file system of a folder that a compiler fails. */
export const isDiskFull = (folder: string): boolean => freeOf(folder).bytes < FULL;

/**
 * What a folder takes that foreign code may be filling: allocated bytes, and files. As root of a user namespace, so that folders without
 * permissions are counted.
 */
async function usageOf(folder: string): Promise<Room> {
  const sum = async (du: readonly string[]) => {
    // Files may vanish meanwhile, which du reports with exit code 1 beside the sum.
    const { stdout } = await run('unshare', ['--user', '--map-root-user', '--', ...du], { accept: 'any' });
    const total = Number.parseInt(stdout, 10);
    if (Number.isNaN(total)) throw new LabError(`du does not print the size of ${folder}`);
    return total;
  };
  const bytes = await sum(['du', '-s', '--block-size=1', '--', folder]);
  return { bytes, files: await sum(['du', '-s', '--inodes', '--', folder]) };
}

/** The error when a build is ended because the disk is full; its cause names the file system. */
function fullDisk(path: string): LabError {
  const message = `less than ${FULL / MiB} MiB are free`;
  return new LabError(message, { cause: Object.assign(new Error(message), { code: 'ENOSPC', path }) });
}

const inGiB = (bytes: number) => `${(bytes / GiB).toFixed(1)} GiB`;

/** How much a build that is not trusted may write to the disk; all of it lies in one folder. */
export class DiskLimit {
  readonly #folder: string;
  readonly #source: string;
  readonly #allowance: Room;
  #limit: Promise<Room> | undefined;

  /**
   * `folder`: where the build writes; its file system is watched. `source`: objects of the source, whose size sets the limit together
   * with `allowance`.
   */
  constructor(folder: string, source: string, allowance: Room) {
    this.#folder = folder;
    this.#source = source;
    this.#allowance = allowance;
  }

  /** Measured only when a build comes near it: most write little. */
  #measureLimit(): Promise<Room> {
    this.#limit ??= usageOf(this.#source).then(({ bytes, files }) => ({
      bytes: 3 * bytes + this.#allowance.bytes,
      files: 3 * files + this.#allowance.files,
    }));
    return this.#limit;
  }

  /**
   * How the build exceeds the limit, worded to follow "its build"; undefined when it does not. `unnamed`: bytes in files that it had
   * removed and kept open. Throws LabError when that cannot be measured.
   */
  async excess(unnamed = 0): Promise<string | undefined> {
    const usage = await usageOf(this.#folder);
    const limit = await this.#measureLimit();
    if (usage.bytes + unnamed > limit.bytes) return `writes more than ${inGiB(limit.bytes)} to the disk`;
    return usage.files > limit.files ? `leaves more than ${limit.files} files` : undefined;
  }

  /** Begins to watch a build, until disposed of. */
  watch(): DiskWatch {
    return new DiskWatch(this, this.#folder);
  }
}

/** The watch over the disk while a build runs. */
export class DiskWatch implements Disposable {
  readonly #limit: DiskLimit;
  readonly #folder: string;
  readonly #timer: NodeJS.Timeout;
  readonly #stop = new AbortController();
  readonly #wasFull: boolean;
  /** What was free when the folder was last measured. */
  #measured: Room;
  /** The least that was free, bytes. */
  #lowest: number;
  #busy = false;
  #excess: string | undefined;

  constructor(limit: DiskLimit, folder: string) {
    this.#limit = limit;
    this.#folder = folder;
    this.#measured = freeOf(folder);
    this.#lowest = this.#measured.bytes;
    this.#wasFull = this.#lowest < FULL;
    this.#timer = setInterval(() => void this.look(), INTERVAL_MS);
  }

  /** Fires when the build exceeds its limit or the disk has become full; then `excess` says which, once the build has ended. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** How the build, which has ended, exceeded its limit (`DiskLimit.excess`). */
  async excess(): Promise<string | undefined> {
    const regained = Math.max(0, freeOf(this.#folder).bytes - this.#lowest);
    return this.#excess ?? (await this.#limit.excess(regained));
  }

  /** Looks at the disk now, as every 200 ms; does nothing while it looks already. */
  async look(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const free = freeOf(this.#folder);
      this.#lowest = Math.min(this.#lowest, free.bytes);
      const isFull = !this.#wasFull && free.bytes < FULL;
      const { bytes, files } = this.#measured;
      const isNear = bytes - free.bytes >= STEP.bytes || files - free.files >= STEP.files;
      this.#measured = isNear
        ? free
        : { bytes: Math.max(bytes, free.bytes), files: Math.max(files, free.files) };
      if (isNear) this.#excess = await this.#limit.excess();
      if (isFull || this.#excess) this.#stop.abort(fullDisk(this.#folder));
    } catch {
      // What cannot be measured now is measured at the next step.
    } finally {
      this.#busy = false;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
