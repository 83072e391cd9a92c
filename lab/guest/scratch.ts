import { rmSync, type Stats } from 'node:fs';
import {
  constants,
  type FileHandle,
  lstat,
  mkdtemp,
  open,
  readdir,
  realpath,
  rename,
  rm,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pending } from '../core/pending.ts';
import { run } from '../core/process.ts';

/** `ringlab-<random>`; folders of earlier versions have a process id in between. */
const NAME = /^ringlab-(?:\d+-)?[A-Za-z0-9]{6}$/;
/** The file in a scratch folder that its lab holds a lock of. */
const LOCK = 'lock';
/** A folder without a lock file is being made, is of an earlier version, or its lab was killed in between. */
const UNLOCKED_MS = 24 * 3_600_000;

/** Folders of this process, which need no look. */
const ours = new Set<string>();

/**
 * Locks an open file with flock(2), by the program of util-linux. The lock belongs to the open file, which only this process keeps:
 * it ends with this process however that ends, and is seen from every PID namespace. Returns false when another process has it.
 */
async function tryLock(file: FileHandle): Promise<boolean> {
  const { code } = await run('flock', ['--nonblock', '--exclusive', '0'], {
    stdinFd: file.fd,
    accept: [0, 1],
  });
  return code === 0;
}

/** Whether a folder is ours to remove: of our user, no link, and its lab has ended. */
async function isAbandoned(path: string): Promise<boolean> {
  const entry: Stats = await lstat(path);
  if (!entry.isDirectory() || entry.uid !== process.getuid?.()) return false;
  // Only our user can change what a folder with mode 0700 holds.
  if ((entry.mode & 0o077) !== 0) return false;
  const flags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(path, LOCK), flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return Date.now() - entry.ctimeMs > UNLOCKED_MS;
  try {
    return await tryLock(file);
  } finally {
    await file.close();
  }
}

/** Whether a scratch folder is of our user and its lab runs. */
async function isInUse(path: string): Promise<boolean> {
  const entry: Stats = await lstat(path);
  if (!entry.isDirectory() || entry.uid !== process.getuid?.() || (entry.mode & 0o077) !== 0) return false;
  const file = await open(join(path, LOCK), constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return !(await tryLock(file));
  } finally {
    await file.close();
  }
}

/** The scratch folders for guests that labs of our user have in use, those of this process included. */
export async function scratchFoldersInUse(): Promise<string[]> {
  const parents = await Promise.all([tmpdir(), '/tmp'].map((path) => realpath(path).catch(() => path)));
  const paths = [...new Set(parents)].map(async (parent) => {
    const names = (await readdir(parent).catch(() => [])).filter((name) => NAME.test(name));
    return names.map((name) => join(parent, name));
  });
  const candidates = (await Promise.all(paths)).flat();
  const inUse = await Promise.all(candidates.map((path) => isInUse(path).catch(() => false)));
  return candidates.filter((_, index) => inUse[index]);
}

/** Removes the scratch folders of our labs that were killed. */
async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (!NAME.test(name) || ours.has(path)) continue;
    // What cannot be looked at or removed stays: another lab may be removing it too.
    try {
      if (await isAbandoned(path)) await rm(path, { recursive: true, force: true });
    } catch {}
  }
}

/** A folder for one guest. Disposing removes it; the next lab of the same user does so if this one is killed. */
interface Scratch extends AsyncDisposable {
  readonly dir: string;
}

async function claim(parent: string): Promise<Scratch> {
  const dir = await mkdtemp(join(parent, 'ringlab-'));
  ours.add(dir);
  const noted = pending(`folder ${dir}`, { remove: () => rmSync(dir, { recursive: true, force: true }) });
  // It gets its name when it is locked: a lock file without a lock is that of a lab that has ended.
  const file = await open(join(dir, '.lock'), 'wx', 0o600);
  await tryLock(file);
  await rename(join(dir, '.lock'), join(dir, LOCK));
  return {
    dir,
    [Symbol.asyncDispose]: async () => {
      await rm(dir, { recursive: true, force: true });
      ours.delete(dir);
      noted[Symbol.dispose]();
      await file.close();
    },
  };
}

/**
 * Creates a scratch folder with a short path, because the path of a socket in it has at most 107 bytes (unix(7)). `sockets` are
 * in `$XDG_RUNTIME_DIR`, which is private but small; `guest`, with drives and consoles, is among the temporary files. Throws the
 * error of the file system when /tmp cannot be written either.
 */
export async function scratchFolder(kind: 'sockets' | 'guest'): Promise<Scratch> {
  const runtime = kind === 'sockets' ? process.env.XDG_RUNTIME_DIR : undefined;
  for (const parent of [runtime, tmpdir(), '/tmp']) {
    if (!parent || parent.length > 60) continue;
    try {
      const path = await realpath(parent);
      await sweep(path);
      return await claim(path);
    } catch (error) {
      if (parent === '/tmp') throw error;
    }
  }
  throw new Error('unreachable: /tmp is always tried');
}
