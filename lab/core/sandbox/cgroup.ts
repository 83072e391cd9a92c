import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
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
  /** Where cgroups are made, a path to which `-<process id>` is added; one for each controller in version 1, one for all in version 2. */
  | { kind: 'cgroup'; version: 1 | 2; folders: { memory?: string; pids?: string } };

/** Where the controllers of the kernel are mounted. */
const ROOT = '/sys/fs/cgroup';
const PREFIX = 'ringlab';

/** Files that set the limits and count what was ended (Documentation/admin-guide/cgroup-v1, cgroup-v2.rst). */
const FILES = {
  1: { memory: 'memory.limit_in_bytes', pids: 'pids.max', events: 'memory.oom_control' },
  2: { memory: 'memory.max', pids: 'pids.max', events: 'memory.events' },
} as const;

/** Where cgroups can be made in `parent`, in which `file` can be set; undefined where that is not permitted. */
function groupsIn(parent: string, file: string): string | undefined {
  const folder = join(parent, `${PREFIX}-${process.pid}`);
  try {
    accessSync(parent, constants.W_OK);
    mkdirSync(folder, { recursive: true });
    // Within the range of both controllers.
    writeFileSync(join(folder, file), file === 'pids.max' ? '10000' : `${2 ** 40}`);
    return join(parent, PREFIX);
  } catch {
    return undefined;
  } finally {
    remove(folder);
  }
}

function remove(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It was not made, or has processes: the next supervisor removes it.
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
    return group === undefined ? undefined : groupsIn(join(ROOT, controller, group), FILES[1][controller]);
  };
  const v1 = { memory: found('memory'), pids: found('pids') };
  const unified = ownGroup('');
  const folders = Object.fromEntries(Object.entries(v1).filter(([, folder]) => folder !== undefined));
  if (Object.keys(folders).length > 0) return { kind: 'cgroup', version: 1, folders };
  if (unified === undefined || unified === '/') return undefined;
  const folder = groupsIn(join(ROOT, dirname(unified)), FILES[2].memory);
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
  counter ??= systemd().then((scope) => scope ?? writableCgroup());
  return counter;
}

/** What goes before a supervisor that systemd puts into a scope with the limits. */
export function scopePrefix(counter: Counter | undefined, { memoryBytes, processes }: Limits): string[] {
  if (counter?.kind !== 'systemd') return [];
  return systemdRun(counter.user, [`MemoryMax=${memoryBytes}`, `TasksMax=${processes}`]);
}

/** The supervisor's arguments: how it counts what it starts. Each sandbox has separate groups. */
export function groupArguments(counter: Counter | undefined, limits: Limits): string[] {
  if (!counter) return [];
  if (counter.kind === 'systemd') return ['scope'];
  const { version, folders } = counter;
  const files = FILES[version];
  return [
    ...(folders.memory ? [folders.memory, files.memory, `${limits.memoryBytes}`, files.events] : []),
    ...(folders.pids ? [folders.pids, files.pids, `${limits.processes}`, files.events] : []),
  ];
}
