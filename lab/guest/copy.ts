import { constants, createReadStream, createWriteStream } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pLimit from 'p-limit';
import { InputError, type Problem } from '../core/errors.ts';
import { temporaryPath } from '../core/temporary.ts';
import type { RemoteEntry, RemoteFiles } from './sftp.ts';

/** A guest's files; tests use those of a folder. */
export type GuestFiles = Pick<RemoteFiles, keyof RemoteFiles>;

/** Files that are copied at the same time: each waits for the guest several times. */
const AT_ONCE = 8;

/** What both directions need. */
interface Copy {
  files: GuestFiles;
  signal: AbortSignal;
  /** What could not be copied. */
  problems: Problem[];
  limit: ReturnType<typeof pLimit>;
}

const begin = (files: GuestFiles, signal: AbortSignal): Copy => ({
  ...{ files, signal, problems: [], limit: pLimit(AT_ONCE) },
});

function finish({ problems }: Copy): void {
  if (problems.length > 0) throw new InputError(problems);
}

const refuse = ({ problems }: Copy, where: string, what: string, expected: string) =>
  void problems.push({ where, what, expected });

const noFile = (copy: Copy, where: string) =>
  refuse(copy, where, 'cannot be copied', 'a regular file, a folder or a link');

/** Names that a listing of a guest may have: another one would leave the folder, and a second one of a name would pass through a link. */
function safeNames(entries: readonly { name: string; entry: RemoteEntry }[], where: string, copy: Copy) {
  const seen = new Set<string>();
  return entries.filter(({ name }) => {
    const isSafe = name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name) && !seen.has(name);
    seen.add(name);
    if (!isSafe) refuse(copy, where, `the guest lists the name ${JSON.stringify(name)}`, 'names of files');
    return isSafe;
  });
}

/** Makes a folder of this machine that can be filled. False, with a problem, where something else is, also a link to a folder. */
async function makeLocalFolder(path: string, copy: Copy): Promise<boolean> {
  const existing = await lstat(path).catch(() => undefined);
  if (existing && !existing.isDirectory()) {
    refuse(copy, path, 'something else is there', 'a folder, or nothing');
    return false;
  }
  if (!existing) await mkdir(path, { mode: 0o700 });
  return true;
}

/** Puts a file or link in place by rename; what is there is replaced, but no folder. */
async function putLocal(path: string, make: (temp: string) => Promise<unknown>, copy: Copy): Promise<void> {
  const existing = await lstat(path).catch(() => undefined);
  if (existing?.isDirectory()) return refuse(copy, path, 'a folder is there', 'a file, or nothing');
  const temp = temporaryPath(path);
  try {
    await make(temp);
    await rename(temp, path);
  } finally {
    await rm(temp, { force: true });
  }
}

async function getFile(from: string, to: string, mode: number, copy: Copy): Promise<void> {
  const { files, signal } = copy;
  await putLocal(
    to,
    async (temp) => {
      await pipeline(files.read(from), createWriteStream(temp, { flags: 'wx', mode: 0o600 }), { signal });
      await chmod(temp, mode);
    },
    copy,
  );
}

async function getEntry(from: string, to: string, { kind, mode }: RemoteEntry, copy: Copy): Promise<void> {
  const { files, limit } = copy;
  copy.signal.throwIfAborted();
  if (kind === 'other') return noFile(copy, from);
  if (kind === 'file') return limit(() => getFile(from, to, mode, copy));
  if (kind === 'link') {
    const target = await files.target(from);
    return putLocal(to, (temp) => symlink(target, temp), copy);
  }
  if (!(await makeLocalFolder(to, copy))) return;
  const entries = safeNames(await files.list(from), from, copy);
  await Promise.all(
    entries.map(({ name, entry }) => getEntry(posix.join(from, name), join(to, name), entry, copy)),
  );
  await chmod(to, mode);
}

/**
 * Copies a file, folder or link of a guest to `to` on this machine, as `cp -a` without owners and times: modes are kept, links are not
 * followed, files are replaced by rename, folders are merged. Names that a guest gives never lead out of `to`. Throws one InputError with
 * everything that could not be copied after the rest was, LabError when the connection ends, the error of the file system, the abort reason.
 */
export async function copyFromGuest(
  files: GuestFiles,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const copy = begin(files, signal);
  const entry = await files.look(from);
  if (!entry) throw new InputError({ what: 'no such file in the guest', where: from });
  await getEntry(from, to, entry, copy);
  finish(copy);
}

/** A name in the guest for a file that is written, in the folder of its target. */
const remoteTemp = (path: string) => posix.join(posix.dirname(path), `.${posix.basename(path)}.ringlab.tmp`);

async function putRemote(path: string, make: (temp: string) => Promise<unknown>, copy: Copy): Promise<void> {
  const { files } = copy;
  if ((await files.look(path))?.kind === 'folder')
    return refuse(copy, path, 'a folder is there', 'a file, or nothing');
  const temp = remoteTemp(path);
  try {
    // What an interrupted copy has left.
    if (await files.look(temp)) await files.remove(temp);
    await make(temp);
    await files.rename(temp, path);
  } catch (error) {
    await files.remove(temp).catch(() => {});
    throw error;
  }
}

async function putFile(from: string, to: string, mode: number, copy: Copy): Promise<void> {
  const { files, signal } = copy;
  // A file that has become a FIFO since it was looked at would block the open.
  const handle = await open(from, constants.O_RDONLY | constants.O_NONBLOCK);
  const source = createReadStream('', { fd: handle });
  await putRemote(
    to,
    async (temp) => {
      await pipeline(source, files.write(temp, 0o600), { signal });
      await files.setMode(temp, mode);
    },
    copy,
  ).finally(() => source.destroy());
}

async function putEntry(from: string, to: string, copy: Copy): Promise<void> {
  const { files, limit } = copy;
  copy.signal.throwIfAborted();
  const info = await lstat(from);
  const mode = info.mode & 0o777;
  if (info.isSymbolicLink()) {
    const target = await readlink(from);
    return putRemote(to, (temp) => files.link(target, temp), copy);
  }
  if (info.isFile()) return limit(() => putFile(from, to, mode, copy));
  if (!info.isDirectory()) return noFile(copy, from);
  const existing = await files.look(to, { follow: true });
  if (existing && existing.kind !== 'folder')
    return refuse(copy, to, 'something else is there', 'a folder, or nothing');
  if (!existing) await files.makeFolder(to, 0o700);
  const names = (await readdir(from)).sort();
  await Promise.all(names.map((name) => putEntry(join(from, name), posix.join(to, name), copy)));
  await files.setMode(to, mode);
}

/**
 * Copies a file, folder or link of this machine to `to` in a guest, as `copyFromGuest`; the folder of `to` has to be there. Throws one
 * InputError with everything that could not be copied after the rest was, LabError when the connection ends, the abort reason.
 */
export async function copyToGuest(
  files: GuestFiles,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  const copy = begin(files, signal);
  if (!(await lstat(from).catch(() => undefined)))
    throw new InputError({ what: 'no such file or folder', where: from });
  await putEntry(from, to, copy);
  finish(copy);
}
