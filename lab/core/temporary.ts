import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { hashOf } from './hash.ts';
import { removeTree } from './remove.ts';

/*
 * Temporary files and folders beside what they are to replace. Their names say which process writes them, so that what a killed process
 * has left is recognised, also where labs in several PID namespaces share a folder.
 */

/** `.NAME.WRITER.RANDOM.tmp` with the writer as PID, PID namespace and time of start. Earlier versions named only the PID. */
const NAME =
  /^\.(?<name>.+?)\.(?<pid>\d+)(?:-(?<space>[0-9a-f]{12})-(?<start>\d+))?(?:\.[0-9a-f]{8})?(?:\.damaged)?\.tmp$/s;

/** What a writer that cannot be seen from here has left: it is of another PID namespace or machine, or of an earlier version. */
const UNSEEN_MS = 24 * 3_600_000;

/** Bytes of a name up to which a temporary name has all of it: a name has at most 255 bytes (NAME_MAX), the rest up to 68. */
const MAX_NAME = 180;

const labelOf = (path: string): string => {
  const name = basename(path);
  return Buffer.byteLength(name) > MAX_NAME ? hashOf(name).slice(0, 32) : name;
};

/** State and time of start (ticks since boot) of a process, from proc(5); undefined when there is none. Throws when it cannot be read. */
function processFacts(pid: number | 'self'): { state: string; start: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name, in parentheses, may have blanks and parentheses.
    const [state = '', ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, start: fields[18] ?? '' };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/**
 * This PID namespace of this boot, and our time of start. Undefined where processes cannot be looked up by their ids: proc(5) is not
 * mounted, or is that of another namespace.
 */
function findOurselves(): { space: string; start: string } | undefined {
  try {
    if (readlinkSync('/proc/self') !== String(process.pid)) return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    const space = hashOf(boot, readlinkSync('/proc/self/ns/pid')).slice(0, 12);
    const start = processFacts('self')?.start;
    return start ? { space, start } : undefined;
  } catch {
    return undefined;
  }
}

const ourselves = findOurselves();

/** A new path beside `path`, for what is renamed to or from it. */
export function temporaryPath(path: string): string {
  const writer = ourselves
    ? `${process.pid}-${ourselves.space}-${ourselves.start}`
    : `${process.pid}-000000000000-0`;
  const random = randomBytes(4).toString('hex');
  return join(dirname(path), `.${labelOf(path)}.${writer}.${random}.tmp`);
}

/** Whether the process that a temporary name has is gone; undefined when that cannot be seen from here. */
function isGone({ pid, space, start }: Record<string, string | undefined>): boolean | undefined {
  if (!ourselves || space !== ourselves.space) return undefined;
  const facts = processFacts(Number(pid));
  // A zombie writes no more. Another time of start: the id was given to a later process.
  return !facts || facts.start !== start || /[ZX]/.test(facts.state);
}

function isLeftover(writer: Record<string, string | undefined>, info: Stats): boolean {
  if (info.uid !== process.getuid?.()) return false;
  try {
    return isGone(writer) ?? Date.now() - info.mtimeMs > UNSEEN_MS;
  } catch {
    return false;
  }
}

/** What killed writers have left in a folder, for one path or for all. A folder that cannot be read gives nothing. */
function* leftovers(folder: string, label?: string): Generator<{ path: string; info: Stats }> {
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch {}
  for (const name of names) {
    const { groups } = NAME.exec(name) ?? {};
    // In a folder of the user only names that no other program gives are ours.
    if (!groups || (label === undefined ? groups.space === undefined : groups.name !== label)) continue;
    const path = join(folder, name);
    const info = lstatSync(path, { throwIfNoEntry: false });
    if (info && isLeftover(groups, info)) yield { path, info };
  }
}

function removeFiles(entries: Iterable<{ path: string; info: Stats }>): void {
  for (const { path, info } of entries) {
    if (!info.isFile()) continue;
    // Another process may be removing it too; what cannot be removed stays.
    try {
      unlinkSync(path);
    } catch {}
  }
}

/** Removes temporary files that killed writers of `path` have left. Links and the files of other users stay. */
export const removeLeftoverFiles = (path: string): void =>
  removeFiles(leftovers(dirname(path), labelOf(path)));

/** Removes all temporary files that killed writers have left in a folder. */
export const removeLeftoversIn = (folder: string): void => removeFiles(leftovers(folder));

/** Removes temporary folders that killed makers of `path` have left. What cannot be removed stays. */
export async function removeLeftoverFolders(path: string): Promise<void> {
  for (const { path: leftover, info } of leftovers(dirname(path), labelOf(path)))
    if (info.isDirectory()) await removeTree(leftover).catch(() => {});
}
