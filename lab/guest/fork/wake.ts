import { randomBytes } from 'node:crypto';
import { LabError } from '../../core/errors.ts';
import { type ConsoleLog, lineOn } from '../console.ts';
import { foundLine, MISSING_LINE } from '../init-lines.ts';
import type { ControllerPlace, Layout } from '../layout.ts';
import { controllerFields, namespaceFields } from '../nvme.ts';
import type { Qmp, QmpEvent } from '../qmp.ts';

/** QEMU reads or writes half a megabyte. */
const STATE_MS = 30_000;

/** The descriptor of the state's file in QEMU (`startWithPipe`). */
const STATE_FD = 3;

/** `x-ignore-shared`: memory is not part of the state. `events`: QEMU says when it has done. */
async function prepare(qmp: Qmp): Promise<void> {
  const capabilities = ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true }));
  await qmp.execute('migrate-set-capabilities', { capabilities });
}

/** Starts a migration and waits for its end. Throws LabError when it fails, with QEMU's reason where it gives one. */
async function migrate(qmp: Qmp, command: 'migrate' | 'migrate-incoming', uri: string): Promise<void> {
  const isEnd = ({ event, data }: QmpEvent) =>
    event === 'MIGRATION' && ['completed', 'failed', 'cancelled'].includes(String(data.status));
  const [end] = await Promise.all([
    qmp.nextEvent(isEnd, `${command} of a template`, STATE_MS),
    qmp.execute(command, { uri }),
  ]);
  if (end.data.status === 'completed') return;
  const { 'error-desc': why } = (await qmp.execute('query-migrate')) as { 'error-desc'?: string };
  throw new LabError(`${command} of a template: ${why ?? end.data.status}`);
}

/** Stops a template and writes its state to a socket. */
export async function save(qmp: Qmp, socket: string): Promise<void> {
  await qmp.execute('stop');
  await prepare(qmp);
  await migrate(qmp, 'migrate', `unix:${socket}`);
}

/** Reads the state of a template from the file that QEMU has open: it would listen on a socket, in a folder that is not its. The guest does not run yet. */
async function restore(qmp: Qmp): Promise<void> {
  await prepare(qmp);
  await migrate(qmp, 'migrate-incoming', `fd:${STATE_FD}`);
}

/**
 * Lets namespaces be added to a controller that is plugged in: its bus has no handler for that, as QEMU 7.2 means namespaces to be there
 * from the beginning. The machine, which handles plugging for all others, ignores what it does not know.
 */
async function acceptNamespaces(qmp: Qmp, { id }: ControllerPlace): Promise<void> {
  const bus = `/machine/peripheral/${id}/${id}`;
  await qmp.execute('qom-set', { path: bus, property: 'hotplug-handler', value: '/machine' });
}

/** Adds a controller and its namespaces, which cannot be part of a state, to a guest that does not run. */
async function plugIn(qmp: Qmp, place: ControllerPlace, { namespaces }: Layout): Promise<void> {
  const fieldsOf = (fields: object) =>
    Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  await qmp.execute('device_add', { driver: 'nvme', ...fieldsOf(controllerFields(place)) });
  await acceptNamespaces(qmp, place);
  for (const namespace of namespaces.filter(({ controller }) => controller === place.id))
    await qmp.execute('device_add', { driver: 'nvme-ns', ...fieldsOf(namespaceFields(namespace)) });
}

/** What init reads from its console in a fork (images/minimal/init/fork.c): the time, what must appear, and random bytes. */
function wakeLine({ controllers, namespaces }: Layout): string {
  const disks = namespaces.reduce((sum, { info }) => sum + info.controllerIds.length, 0);
  const ns = BigInt(Date.now()) * 1_000_000n;
  const entropy = randomBytes(32).toString('hex');
  return `ringlab-fork ${ns} ${controllers.length} ${disks} ${namespaces.length} ${entropy}\n`;
}

/**
 * Makes a QEMU that waits for a state (`-incoming defer`) a running fork of it. Its controllers come one after another, so that they have the
 * names that they have after a boot. Throws LabError when QEMU refuses something or the kernel does not find a controller.
 */
export async function wake(
  { qmp, console, serial }: { qmp: Qmp; console: ConsoleLog; serial: NodeJS.WritableStream },
  layout: Layout,
): Promise<void> {
  const { controllers } = layout;
  await restore(qmp);
  const [first, ...later] = controllers;
  if (first) await plugIn(qmp, first, layout);
  let found = lineOn(console, foundLine(1), MISSING_LINE);
  await qmp.execute('cont');
  serial.write(wakeLine(layout));
  for (const [index, place] of later.entries()) {
    await found;
    await qmp.execute('stop');
    await plugIn(qmp, place, layout);
    found = lineOn(console, foundLine(index + 2), MISSING_LINE);
    await qmp.execute('cont');
  }
}
