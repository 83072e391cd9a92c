import { constants, type Stats } from 'node:fs';
import { chown, copyFile, lstat, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { findProgram } from '../core/program.ts';
import { SECCOMP } from './command.ts';

/**
 * User and group of a QEMU that root starts. Of the ids that systemd leaves unused (60578 to 61183, systemd.io/UIDS-GIDS), below
 * the 65536 that a container usually maps.
 */
export const GUEST_UID = 61_100;

/** What holds a QEMU on this machine. */
interface Level {
  seccomp: boolean;
  /** `bwrap`: own mount, PID and IPC namespaces with only QEMU's files. `plain`: capabilities dropped, nothing more. */
  kind: 'bwrap' | 'plain';
}

/** The files of one boot. */
export interface QemuFiles {
  readOnly: readonly string[];
  writable: readonly string[];
  /** Files of a user that other guests have too: writable where their owner and mode say so. */
  shared?: readonly string[];
  /** QEMU arguments of the user; the files that they name are visible too. */
  userArgs: readonly string[];
  kvm: boolean;
  /** Folder for copies of files that the unprivileged user may not read. */
  dir: string;
}

/** A command line that is confined, program first, and the protections that are active. */
export interface Confined {
  command: string[];
  /** `seccomp`, `mount-namespace`, `pid-namespace`, `ipc-namespace`, `uid-61100`, `no-capabilities`, `no-new-privileges`. */
  protections: string[];
}

/** One file of the host that is visible to QEMU. */
interface Bind {
  how: '--ro-bind' | '--bind' | '--dev-bind';
  source: string;
  target: string;
}

const bind = (how: Bind['how'], path: string, source = resolve(path)): Bind => ({
  how,
  source,
  target: resolve(path),
});

const isRoot = () => process.getuid?.() === 0;

const DROP = ['--inh-caps=-all', '--ambient-caps=-all', '--no-new-privs', '--pdeathsig=KILL'];

/** setpriv's part: `uid` is absent where QEMU keeps the user of the lab. Only root may empty the bounding set. */
function dropping(uid?: number, groups = '--clear-groups'): string[] {
  const user = uid === undefined ? [] : [`--reuid=${uid}`, `--regid=${uid}`, groups];
  return ['setpriv', ...user, ...(isRoot() ? ['--bounding-set=-all'] : []), ...DROP, '--'];
}

/** Top-level folders of programs and libraries, which are links into /usr on most systems. */
async function systemFolders(): Promise<string[]> {
  const folders = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
  const binds = folders.map(async (folder) => {
    const entry = await lstat(folder).catch(() => undefined);
    if (!entry) return [];
    return entry.isSymbolicLink()
      ? ['--symlink', await readlink(folder), folder]
      : ['--ro-bind', folder, folder];
  });
  return ['--ro-bind', '/usr', '/usr', ...(await Promise.all(binds)).flat()];
}

/** The real path of a program of PATH; undefined when there is none. */
async function programFile(program: string): Promise<string | undefined> {
  const path = findProgram(program);
  return path === undefined ? undefined : realpath(path);
}

/** The installation of a QEMU outside of /usr: `/opt/qemu` for a program in `/opt/qemu/bin`. */
function installation(file: string): string[] {
  if (file.startsWith('/usr/')) return [];
  const prefix = dirname(dirname(file));
  const visible = prefix === '/' ? dirname(file) : prefix;
  return ['--ro-bind', visible, visible];
}

/**
 * bubblewrap's part. `/proc` is not mounted: QEMU does without, and a container often forbids it. The network is the host's,
 * because the lab reaches the guest's SSH on a port of the loopback (`restrict=on` keeps the guest itself from all else).
 */
async function namespaces(file: string, binds: readonly Bind[] = []): Promise<string[]> {
  // bubblewrap makes the missing folders above a file for root alone, but those that it is asked for so that all may search them.
  const folders = ['/etc', process.cwd(), ...binds.map(({ target }) => dirname(target))];
  return [
    ...['bwrap', '--die-with-parent', '--unshare-pid', '--unshare-ipc', '--unshare-uts'],
    ...(await systemFolders()),
    ...['--dev', '/dev', ...[...new Set(folders)].flatMap((folder) => ['--dir', folder])],
    ...['--ro-bind-try', '/etc/ld.so.cache', '/etc/ld.so.cache'],
    ...installation(file),
    ...binds.flatMap(({ how, source, target }) => [how, source, target]),
    ...['--chdir', process.cwd(), '--'],
  ];
}

async function works(command: readonly string[]): Promise<boolean> {
  const [program = '', ...args] = command;
  return run(program, args).then(
    () => true,
    () => false,
  );
}

const levels = new Map<string, Promise<Level>>();

async function probeLevel(program: string): Promise<Level> {
  const file = await programFile(program);
  if (!file) return { seccomp: true, kind: 'plain' };
  const inside = [...(await namespaces(file)), ...dropping(isRoot() ? GUEST_UID : undefined)];
  // QEMU checks `-sandbox` before it prints its version: a QEMU without seccomp, or with other options, ends with code 1.
  const [seccomp, bwrap] = await Promise.all([
    works([program, ...SECCOMP, '--version']),
    works([...inside, file, '--version']),
  ]);
  return { seccomp, kind: bwrap ? 'bwrap' : 'plain' };
}

/** What can hold the QEMU `program` here; tried once in the life of this process. Never rejects. */
export function confinementLevel(program: string): Promise<Level> {
  const key = `${program} ${process.env.PATH}`;
  const level = levels.get(key) ?? probeLevel(program);
  levels.set(key, level);
  return level;
}

/** Existing files that arguments of the user name, as `/dev/x` or `file=/dev/x`. */
async function filesIn(args: readonly string[]): Promise<string[]> {
  const paths = args.flatMap((word) =>
    [...word.matchAll(/(?:^|[=,:])(\/[^,:]+)/g)].map(([, path = '']) => path),
  );
  const entries = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return paths.filter((_, index) => entries[index]);
}

/** How the unprivileged user gets at /dev/kvm: setpriv's option for groups, or undefined where only root may open it. */
async function kvmGroups(): Promise<string | undefined> {
  const { mode, gid } = await stat('/dev/kvm').catch(
    (): Pick<Stats, 'mode' | 'gid'> => ({ mode: 0, gid: 0 }),
  );
  if ((mode & 0o006) === 0o006) return '--clear-groups';
  return (mode & 0o060) === 0o060 && gid !== 0 ? `--groups=${gid}` : undefined;
}

/** Binds a file that QEMU only reads; what its user may not read is bound as a copy that it may. */
async function bindReadable(
  path: string,
  uid: number | undefined,
  dir: string,
  index: number,
): Promise<Bind> {
  const { mode } = await stat(path).catch((cause) => {
    throw new LabError(`cannot read ${path}`, { cause });
  });
  if (uid === undefined || (mode & 0o004) !== 0) return bind('--ro-bind', path);
  const copy = join(dir, `readable-${index}`);
  await copyFile(path, copy, constants.COPYFILE_FICLONE);
  await chown(copy, uid, uid);
  return bind('--ro-bind', path, copy);
}

async function inNamespaces([program = '', ...args]: readonly string[], files: QemuFiles): Promise<Confined> {
  // By its path: inside, PATH may lead to another program of that name.
  const file = (await programFile(program)) ?? program;
  const named = await filesIn(files.userArgs);
  const groups = files.kvm ? await kvmGroups() : '--clear-groups';
  // Files that the user names belong to the user: only the lab's own user can be expected to have access.
  const uid = isRoot() && groups !== undefined && named.length === 0 ? GUEST_UID : undefined;
  const readable = await Promise.all(
    files.readOnly.map((path, index) => bindReadable(path, uid, files.dir, index)),
  );
  if (uid !== undefined) await Promise.all(files.writable.map((path) => chown(path, uid, uid)));
  const binds = [
    ...readable,
    ...[...files.writable, ...(files.shared ?? [])].map((path) => bind('--bind', path)),
    ...[...named, ...(files.kvm ? ['/dev/kvm'] : [])].map((path) => bind('--dev-bind', path)),
  ];
  return {
    command: [...(await namespaces(file, binds)), ...dropping(uid, groups), file, ...args],
    protections: [
      ...['mount-namespace', 'pid-namespace', 'ipc-namespace'],
      ...(uid === undefined ? [] : [`uid-${uid}`]),
      ...['no-capabilities', 'no-new-privileges'],
    ],
  };
}

/**
 * Confines a QEMU command line as far as this machine can: with `-sandbox` as it has it already, else without; in namespaces with
 * only `files`; as an unprivileged user when root starts it. `files.writable` and unreadable copies then belong to that user.
 * Throws LabError when a file is missing.
 */
export async function confine(command: readonly string[], files: QemuFiles): Promise<Confined> {
  const { seccomp, kind } = await confinementLevel(command[0] ?? '');
  const at = command.indexOf(SECCOMP[1] ?? '');
  const kept = seccomp || at < 0 ? command : [...command.slice(0, at - 1), ...command.slice(at + 1)];
  const held =
    kind === 'bwrap'
      ? await inNamespaces(kept, files)
      : {
          command: [...dropping(), ...kept],
          protections: [...(isRoot() ? ['no-capabilities'] : []), 'no-new-privileges'],
        };
  return { ...held, protections: [...(seccomp ? ['seccomp'] : []), ...held.protections] };
}
