import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../process.ts';
import type { Limits } from './access.ts';

/** How memory and processes of all that a command starts are counted together. */
export type Counter =
  | { kind: 'systemd'; user: boolean }
  /** `v1`: one folder for each controller; `v2`: one folder for all. */
  | { kind: 'cgroup'; version: 1 | 2; folders: { memory?: string; pids?: string } };

/** Where the controllers of the kernel are mounted. */
const ROOT = '/sys/fs/cgroup';
const NAME = /^ringlab-(\d+)$/;

/** Files that set the limits (Documentation/admin-guide/cgroup-v1, cgroup-v2.rst). */
const FILES = {
  1: { memory: 'memory.limit_in_bytes', pids: 'pids.max' },
  2: { memory: 'memory.max', pids: 'pids.max' },
} as const;

/** Removes folders of labs that have ended; one with processes stays. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    remove(join(parent, name));
  }
}

function remove(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It has processes, or another lab removed it: the next lab tries again.
  }
}

/** A folder for this process below `parent` in which `file` can be set; undefined where that is not permitted. */
function groupIn(parent: string, file: string): string | undefined {
  const folder = join(parent, `ringlab-${process.pid}`);
  try {
    accessSync(parent, constants.W_OK);
    sweep(parent);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), `${2 ** 40}`);
    return folder;
  } catch {
    remove(folder);
    return undefined;
  }
}

/** The cgroup of this process under a controller (cgroups(7)); version 2 has the empty name. */
function ownGroup(controller: string): string | undefined {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').split('\n');
  return lines
    .map((line) => line.split(':'))
    .find(([, names = '']) => names.split(',').includes(controller))?.[2];
}

/** A cgroup that this process may make: version 1 below its own group, version 2 beside it, because a group with processes has no children. */
function writableCgroup(): Counter | undefined {
  const found = (controller: 'memory' | 'pids') => {
    const group = ownGroup(controller);
    return group === undefined ? undefined : groupIn(join(ROOT, controller, group), FILES[1][controller]);
  };
  const v1 = { memory: found('memory'), pids: found('pids') };
  const unified = ownGroup('');
  const folders = Object.fromEntries(Object.entries(v1).filter(([, folder]) => folder !== undefined));
  if (Object.keys(folders).length > 0) return { kind: 'cgroup', version: 1, folders };
  if (unified === undefined || unified === '/') return undefined;
  const folder = groupIn(join(ROOT, dirname(unified)), FILES[2].memory);
  return folder === undefined
    ? undefined
    : { kind: 'cgroup', version: 2, folders: { memory: folder, pids: folder } };
}

const systemdRun = (user: boolean, properties: readonly string[]) => [
  ...['systemd-run', ...(user ? ['--user'] : []), '--scope', '--quiet', '--collect'],
  ...properties.flatMap((property) => ['-p', property]),
  '--',
];

/** systemd in its own scope; only where systemd is the init, else the bus call would wait for nothing. */
async function systemd(): Promise<Counter | undefined> {
  if (!existsSync('/run/systemd/system')) return undefined;
  const user = process.getuid?.() !== 0;
  if (user && !process.env.XDG_RUNTIME_DIR) return undefined;
  const [command = '', ...args] = [...systemdRun(user, ['TasksMax=100', 'MemoryMax=1G']), 'true'];
  const works = await run(command, args, { accept: 'any', signal: AbortSignal.timeout(5000) }).then(
    ({ code }) => code === 0,
    () => false,
  );
  return works ? { kind: 'systemd', user } : undefined;
}

let counter: Promise<Counter | undefined> | undefined;

/** The first way of counting that works here, found once in the life of this process; undefined where none does. */
export function findCounter(): Promise<Counter | undefined> {
  counter ??= systemd().then((scope) => {
    const group = scope ?? writableCgroup();
    if (group?.kind === 'cgroup')
      process.on('exit', () => Object.values(group.folders).forEach((folder) => void remove(folder)));
    return group;
  });
  return counter;
}

/** Joins each group, with its limit, and replaces itself with the command after `--`. The group is made again if it was removed. */
const JOIN_AND_EXEC = `
while [ "$1" != -- ]; do
  [ -d "$1" ] || mkdir "$1" || exit 125
  echo "$3" >"$1/$2" && echo $$ >"$1/cgroup.procs" || exit 125
  shift 3
done
shift
exec "$@"`;

/** What goes before a command whose memory and processes are limited by `counter`. */
export function counterPrefix(counter: Counter | undefined, limits: Limits): string[] {
  if (!counter) return [];
  if (counter.kind === 'systemd')
    return systemdRun(counter.user, [`MemoryMax=${limits.memoryBytes}`, `TasksMax=${limits.processes}`]);
  const { version, folders } = counter;
  const { memory, pids } = folders;
  const joins = [
    ...(memory ? [memory, FILES[version].memory, `${limits.memoryBytes}`] : []),
    ...(pids ? [pids, FILES[version].pids, `${limits.processes}`] : []),
  ];
  return ['sh', '-c', JOIN_AND_EXEC, 'sh', ...joins, '--'];
}
