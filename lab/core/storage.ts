import { randomFillSync, randomUUID } from 'node:crypto';
import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { cacheRoot } from './cache.ts';
import { errorText, LabError, RinglabError } from './errors.ts';

/** Faults of a file system that are no fault of kernel, series or request: errno, how it is worded, and what to do. */
const FAULTS: Record<string, { what: string; fix: string }> = {
  ENOSPC: { what: 'no space is left', fix: 'free some space' },
  EDQUOT: { what: 'the disk quota is used up', fix: 'free some space' },
  EROFS: { what: 'the file system is read-only', fix: 'make it writable' },
  EACCES: { what: 'permission is denied', fix: 'give your user access' },
  EPERM: { what: 'the operation is not permitted', fix: 'give your user access' },
  EIO: { what: 'reading or writing fails (input/output error)', fix: 'check the disk' },
  // Of mkdir(2) only.
  EEXIST: { what: 'a file is where a folder should be', fix: 'remove the file' },
  ENOTDIR: { what: 'a file is where a folder should be', fix: 'remove the file' },
  EISDIR: { what: 'a folder is where a file should be', fix: 'remove the folder' },
};

/** The texts of strerror(3) by which programs report these faults. */
const REPORTED: readonly [RegExp, string][] = [
  [/No space left on device|Out of diskspace|disk full/i, 'ENOSPC'],
  [/Disk quota exceeded/i, 'EDQUOT'],
  [/Read-only file system/i, 'EROFS'],
  [/Input\/output error/i, 'EIO'],
];

/** A folder that the lab writes to: what it holds, and the setting that moves it. */
interface Place {
  folder: string;
  holds: string;
  move: string;
}

/** The place of a run record, for messages. */
export const recordPlace = (folder: string): Place => ({
  ...{ folder, holds: 'the run record', move: '--out' },
});

/** The place of a log of events, for messages. */
export const eventsPlace = (file: string): Place => ({
  ...{ folder: file, holds: 'the log of events', move: '--events' },
});

const cachePlace = (): Place => ({ folder: cacheRoot(), holds: 'the cache', move: 'RINGLAB_CACHE' });

const places = (): Place[] => [
  cachePlace(),
  { folder: resolve(tmpdir()), holds: 'temporary files', move: 'TMPDIR' },
];

const isBelow = (path: string, folder: string) => path === folder || path.startsWith(folder + sep);

/** The innermost of our folders that has a path on its own file system: another one may be mounted below. */
function placeOf(path: string): Place | undefined {
  const full = resolve(path);
  const around = places().filter(
    ({ folder }) => isBelow(full, folder) && mountPoint(full) === mountPoint(folder),
  );
  return around.sort((a, b) => b.folder.length - a.folder.length)[0];
}

function deviceOf(path: string): number | undefined {
  try {
    return statSync(path).dev;
  } catch {
    return undefined;
  }
}

/** Mount point of the file system that has, or would have, a path. */
export function mountPoint(path: string): string {
  let folder = resolve(path);
  while (deviceOf(folder) === undefined && folder !== '/') folder = dirname(folder);
  const device = deviceOf(folder);
  while (folder !== '/' && deviceOf(dirname(folder)) === device) folder = dirname(folder);
  return folder;
}

/** Whether the file system of a path has no free block or no free inode. False where that cannot be found out. */
export function isFull(path: string): boolean {
  try {
    const { bavail, blocks, ffree, files } = statfsSync(path);
    return (blocks > 0 && bavail === 0) || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}

/** A fault of storage: its message names the file system, what the lab keeps there, and how to go on. */
export class StorageError extends LabError {}

interface Fault {
  code: string;
  path?: string | undefined;
}

/**
 * Why a folder cannot be made: mkdir(2) with all its parents gives ENOENT on a read-only file system (Node 20). Undefined when its
 * nearest parent can be written.
 */
function refusal(path: string): string | undefined {
  let folder = resolve(path);
  while (deviceOf(folder) === undefined && folder !== '/') folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** The fault of storage that an error, one of its causes or of its parts is. */
function faultIn(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code: errno, path, syscall } = error as NodeJS.ErrnoException;
  const code = errno === 'ENOENT' && syscall === 'mkdir' && path ? (refusal(path) ?? errno) : errno;
  const isStorage = code === 'EEXIST' ? syscall === 'mkdir' : syscall !== 'connect' && syscall !== 'kill';
  if (code !== undefined && code in FAULTS && isStorage) return { code, path };
  if (error instanceof AggregateError) {
    for (const part of error.errors) {
      const fault = faultIn(part);
      if (fault) return fault;
    }
  }
  return faultIn(error.cause);
}

/** The fault of storage that a program reports in its output; undefined for other output. */
export const reportedFault = (output: string): string | undefined =>
  REPORTED.find(([text]) => text.test(output))?.[1];

function describe({ code, path }: Fault, place: Place | undefined, detail: string): StorageError {
  const { what, fix } = FAULTS[code] ?? { what: code, fix: 'check the disk' };
  const where = place?.folder ?? path;
  const on = where === undefined ? '' : ` on the file system ${mountPoint(where)}`;
  const holds = place ? `, which has ${place.holds} (${place.folder})` : where ? `, for ${where}` : '';
  const move = place ? `, or set ${place.move} to a place on another file system` : '';
  return new StorageError(`${what}${on}${holds}: ${detail}\n  fix: ${fix}${move}`);
}

/** Where a fault without a path happened: of the full file systems among ours the first. */
const fullPlace = (code: string): Place | undefined =>
  code === 'ENOSPC' || code === 'EDQUOT' ? places().find(({ folder }) => isFull(folder)) : undefined;

/**
 * The LabError for a fault of storage (disk full, quota, read-only, no permission, input/output error) that an error or one of its
 * causes is: names the file system, and whether it has the record, the cache or temporary files. `place`: the folder that was
 * written to, where the error does not say. Undefined for any other error.
 */
export function storageFault(error: unknown, place?: Place): StorageError | undefined {
  if (error instanceof StorageError) return error;
  if (error instanceof RinglabError && !(error instanceof LabError)) return undefined;
  const fault = faultIn(error);
  const detail = error instanceof Error ? error.message : String(error);
  if (fault) {
    const known = fault.path === undefined ? undefined : placeOf(fault.path);
    return describe(fault, place ?? known ?? (fault.path ? undefined : fullPlace(fault.code)), detail);
  }
  const code = error instanceof LabError ? reportedFault(error.message) : undefined;
  if (code === undefined) return undefined;
  const named = pathsIn(detail).find((path) => placeOf(path) !== undefined);
  return describe({ code, path: named }, place ?? (named ? placeOf(named) : fullPlace(code)), detail);
}

/** The absolute paths that a program names, quoted or not. */
const pathsIn = (output: string): string[] =>
  [...output.matchAll(/(?:^|[\s'"])(\/[^\s'":]+)/g)].map(([, path = '']) => path);

/** Throws the LabError for a fault of storage that a program reports. `folder`: what it wrote to, where it names no path of ours. */
export function throwReportedFault(program: string, output: string, folder: string): void {
  const code = reportedFault(output);
  if (code === undefined) return;
  const detail = `${program}: ${output.trim().split('\n').slice(-3).join('; ')}`;
  const named = pathsIn(output).find((path) => placeOf(path) !== undefined);
  throw describe({ code, path: named ?? folder }, placeOf(named ?? folder) ?? fullPlace(code), detail);
}

/** Bytes that are written to confirm a fault: more than git writes for any file of a kernel tree, of which the largest has 24 MB. */
const PROBE_BYTES = 64 << 20;

/** Writes `PROBE_BYTES` to a new file of a folder, to the disk itself, and removes it. */
async function probe(folder: string): Promise<void> {
  const path = join(folder, `.probe-${randomUUID()}`);
  try {
    await using file = await open(path, 'wx', 0o600);
    // Random: some file systems compress, and would find room for zeros.
    const block = randomFillSync(Buffer.alloc(1 << 20));
    for (let written = 0; written < PROBE_BYTES; written += block.length) await file.writeFile(block);
    await file.sync();
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}

/**
 * As `throwReportedFault` for a program whose output has text of a patch: throws the LabError only where writing to `folder` fails
 * too. Writes 64 MiB, and only when the output looks like a fault.
 */
export async function throwConfirmedFault(program: string, output: string, folder: string): Promise<void> {
  if (reportedFault(output) === undefined) return;
  const detail = `${program}: ${output.trim().split('\n').slice(-3).join('; ')}`;
  throwIfFull(folder, detail);
  try {
    await probe(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !(code in FAULTS)) throw error;
    throw describe({ code, path: folder }, placeOf(folder), detail);
  }
}

/** Throws the LabError when the file system of a folder is full: what was written there last is incomplete. */
export function throwIfFull(folder: string, detail: string): void {
  if (isFull(folder)) throw describe({ code: 'ENOSPC', path: folder }, placeOf(folder), detail);
}

/** The error as it is to be reported: a fault of storage as its LabError, any other as it is. */
export const asReported = (error: unknown, place?: Place): unknown => storageFault(error, place) ?? error;

/** The text of `asReported`. */
export const reportText = (error: unknown): string => errorText(asReported(error));
