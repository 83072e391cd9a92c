import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import type { Limits, SandboxAccess } from './access.ts';

/** Top-level folders that are links into /usr on a merged system, and folders elsewhere. */
const USR_LINKS = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/** What the loader, `update-alternatives` and openssl (keys that sign modules) read. No file of it holds a secret. */
const ETC = [
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/alternatives',
  '/etc/ssl/openssl.cnf',
];

const NAMESPACES = [
  // Without capabilities, and without a private user namespace, in which the command would get them back.
  ...['--unshare-user', '--disable-userns', '--cap-drop', 'ALL'],
  ...['--unshare-net', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
  ...['--new-session', '--die-with-parent', '--hostname', 'ringlab', '--clearenv'],
];

function system(): string[] {
  const links = USR_LINKS.flatMap((path) => {
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink();
    if (isLink === undefined) return [];
    return isLink ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
  });
  const etc = ETC.filter((path) => existsSync(path)).flatMap((path) => ['--ro-bind', path, path]);
  return ['--ro-bind', '/usr', '/usr', ...links, '--dir', '/etc', ...etc];
}

/** The folders of an access, outer ones first: an inner folder keeps its own right. */
function folders({ writable, readable, overlays = [], mounts = [] }: SandboxAccess): string[] {
  const binds = [
    ...readable.map((path) => ['--ro-bind', path, path]),
    ...writable.map((path) => ['--bind', path, path]),
    ...overlays.map(({ at }) => ['--bind', at, at]),
    ...mounts.map(({ at, from }) => ['--bind', from, at]),
  ];
  return binds.sort(([, , a = ''], [, , b = '']) => a.split('/').length - b.split('/').length).flat();
}

/**
 * The arguments of bubblewrap before the command: an allow-list of the host. /proc, /dev and / are read-only, since root owns
 * kernel settings in /proc even without capabilities, and the others are in memory without a limit.
 */
export function bubblewrapArgs(access: SandboxAccess, { tmpBytes }: Limits, path: string): string[] {
  const { getuid, getgid } = process;
  const user = getuid && getgid ? ['--uid', `${getuid()}`, '--gid', `${getgid()}`] : [];
  const memory = (folder: string) => ['--size', `${tmpBytes}`, '--tmpfs', folder];
  const env = Object.entries(access.env ?? { PATH: path }).flatMap(([name, value]) => [
    '--setenv',
    name,
    value,
  ]);
  return [
    ...NAMESPACES,
    ...user,
    ...env,
    ...system(),
    ...['--proc', '/proc', '--dev', '/dev'],
    ...memory('/dev/shm'),
    ...memory('/tmp'),
    ...folders(access),
    ...['--remount-ro', '/proc', '--remount-ro', '/dev', '--remount-ro', '/'],
    ...['--chdir', '/', '--'],
  ];
}
