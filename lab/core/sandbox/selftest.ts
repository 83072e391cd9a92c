import { mkdir, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheRoot } from '../cache.ts';
import { LabError } from '../errors.ts';
import { run } from '../process.ts';
import { Resources } from '../resource.ts';
import { sandboxCommand } from './command.ts';
import { systemCallFilter } from './filter.ts';
import { ABIS } from './system-calls.ts';

/** Namespaces in which a sandboxed process must not be that of the host (namespaces(7)). */
const NAMESPACES = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts'];

/**
 * Tries to escape. Arguments: secret file, folder that must not be visible, socket of the host, TCP port of the host, process id of the
 * host, number of keyctl(2), ids of the host's namespaces. Prints a line for each attempt that succeeds, and `done`. keyctl fails with EPERM
 * or ENOSYS where it is out of reach; without perl, a filter of system calls is taken as proof.
 */
const ATTEMPTS = `
secret=$1 hidden=$2 socket=$3 port=$4 pid=$5 keyctl=$6
shift 6
try() { local what=$1; shift; if "$@" >/dev/null 2>&1; then echo "escape: $what"; fi; }
put() { true >>"$1"; }
connect() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
capable() { local name value; while read -r name value; do case $name in Cap*) [ "$value" = 0000000000000000 ] || return 0;; esac; done </proc/self/status; return 1; }
privileged() { local name value; while read -r name value; do [ "$name" = NoNewPrivs: ] && [ "$value" = 1 ] && return 1; done </proc/self/status; return 0; }
filtered() { local name value; while read -r name value; do [ "$name" = Seccomp: ] && [ "$value" = 2 ] && return 0; done </proc/self/status; return 1; }
keyring() { perl -e 'exit(syscall($ARGV[0] + 0, 0, -3, 0) == -1 && ($! == 1 || $! == 38) ? 1 : 0)' -- "$keyctl"; case $? in 0) return 0;; 1) return 1;; *) ! filtered;; esac; }
same() { [ "$(readlink "/proc/self/ns/\${1%%:*}")" = "$1" ]; }
try 'a secret file of the user is readable' cat "$secret"
try 'the home folder of the user is visible' test -e "$hidden"
try '/etc/shadow is visible' test -e /etc/shadow
try '/run is visible' test -e /run
try 'a socket of the host is visible' test -e "$socket"
try 'a TCP port of the host is reachable' connect "$port"
try 'a process of the host receives signals' kill -0 "$pid"
try 'the root file system can be mounted writable' mount -n -o remount,rw,bind /
try '/usr can be mounted writable' mount -n -o remount,rw,bind /usr
try 'a mount can be removed' umount -n -l /tmp
try 'a file system can be mounted' mount -n -t tmpfs none /tmp
try '/usr is writable' put /usr/ringlab-escape
try 'the root folder is writable' put /ringlab-escape
try '/etc is writable' put /etc/ringlab-escape
try 'kernel settings are writable' put /proc/sys/kernel/core_pattern
try 'a new user namespace is permitted' unshare -U true
try 'the keyrings of the user are reachable' keyring
try 'it has capabilities' capable
try 'new privileges are permitted' privileged
for ns; do try "it is in a namespace of the host (\${ns%%:*})" same "$ns"; done
echo done`;

/** Home folders of system accounts that are in the sandbox for another reason. */
const SYSTEM_HOME = /^\/(usr|bin|sbin|lib\w*|etc|dev|proc|tmp)?(\/|$)/;

/** Low ids belong to processes inside the sandbox too, such as that of a lab in a container. */
const hostPid = () => (process.pid > 1000 ? process.pid : 2 ** 30);

/** A server of the host that sandboxed processes must not reach. */
async function listening(resources: Resources, where: { path: string } | { port: number; host: string }) {
  const server: Server = createServer((connection) => connection.destroy());
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(where, resolve));
  resources.defer(() => new Promise((resolve) => server.close(resolve)));
  return server.address();
}

async function folderIn(resources: Resources, parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  const dir = await mkdtemp(join(parent, 'sandbox-'));
  resources.defer(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/**
 * Tries to escape from the sandbox in a number of ways: mounts, writes, a secret in the cache, sockets, signals, capabilities, namespaces.
 * Returns undefined when none succeeds, else the reason in one line: an escape, bubblewrap is missing, or the kernel or a
 * container forbids its namespaces. Throws the abort reason, and LabError when the attempt cannot be prepared.
 */
export async function selfTest(
  signal?: AbortSignal,
  filter = systemCallFilter(),
): Promise<string | undefined> {
  await using resources = new Resources();
  const hidden = await folderIn(resources, cacheRoot());
  const open = await folderIn(resources, tmpdir());
  const secret = join(hidden, 'secret');
  await writeFile(secret, 'of the user\n');
  // A socket's path has at most 107 bytes (unix(7)).
  const socket = join(open.length < 90 ? open : await folderIn(resources, '/tmp'), 'socket');
  await listening(resources, { path: socket });
  const address = await listening(resources, { port: 0, host: '127.0.0.1' });
  const port = typeof address === 'object' ? address?.port : undefined;
  if (port === undefined) throw new LabError('no TCP port for the self-test of the sandbox');
  const namespaces = await Promise.all(NAMESPACES.map((name) => readlink(`/proc/self/ns/${name}`)));
  const facts = [
    secret,
    SYSTEM_HOME.test(homedir()) ? secret : homedir(),
    socket,
    `${port}`,
    `${hostPid()}`,
    `${ABIS[process.arch]?.denied.keyctl ?? -1}`,
  ];
  const access = { writable: [], readable: [], cwd: '/', limits: { seconds: 20 } };
  const attempts = ['bash', '--norc', '-c', ATTEMPTS, 'bash', ...facts, ...namespaces];
  const [command = '', ...args] = await sandboxCommand(attempts, access, filter);
  const { code, stdout, stderr } = await run(command, args, { accept: 'any', signal });
  const escapes = stdout.split('\n').filter((line) => line.startsWith('escape: '));
  if (escapes.length > 0) return escapes.join('; ');
  if (code === 0 && stdout.endsWith('done\n')) return undefined;
  return stderr.trim().split('\n').at(-1) || `the self-test ended with code ${code}`;
}
