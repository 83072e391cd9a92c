import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { LabError } from '../core/errors.ts';
import { listenOnce, Qmp, type QmpEvent } from './qmp.ts';

/** The lab's side and QEMU's side of one control connection. */
async function connected(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'qmp-'));
  const listener = await listenOnce(join(folder, 'socket'));
  t.teardown(async () => {
    await listener[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const qemu = createConnection(join(folder, 'socket'));
  await once(qemu, 'connect');
  return { qmp: new Qmp(await listener.connection), qemu };
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

t.test('nextEvent returns the event that it was asked for and ignores others', async (t) => {
  const { qmp, qemu } = await connected(t);
  const before = timers();
  const event = qmp.nextEvent(({ data }) => data.device === 'b', 'unplug of b', 10_000);
  qemu.write(
    '{"event":"DEVICE_DELETED","data":{"device":"a"}}\n{"event":"DEVICE_DELETED","data":{"device":"b"}}\n',
  );
  t.same(await event, { event: 'DEVICE_DELETED', data: { device: 'b' } });
  t.equal(timers(), before, 'timers that keep the process alive');
});

t.test('nextEvent rejects with LabError when QEMU ends', async (t) => {
  const { qmp, qemu } = await connected(t);
  const before = timers();
  const event = qmp.nextEvent(() => true, 'unplug of b', 60_000);
  qemu.destroy();
  await t.rejects(event, new LabError('unplug of b: QEMU has ended'));
  t.equal(timers(), before, 'timers that keep the process alive');
});

t.test('an event before the end of QEMU arrives although a command was sent after it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'qmp-'));
  await using listener = await listenOnce(join(folder, 'socket'));
  t.teardown(() => rm(folder, { recursive: true }));
  const qemu = createConnection(join(folder, 'socket'));
  const socket = await listener.connection;
  qemu.end('{"QMP":{"version":{}}}\n{"event":"SHUTDOWN","data":{"reason":"guest-reset"}}\n');
  qemu.resume();
  await once(qemu, 'finish');
  qemu.destroy();
  await once(qemu, 'close');
  const qmp = new Qmp(socket);
  const events: QmpEvent[] = [];
  qmp.onEvent((event) => events.push(event));
  await t.rejects(qmp.execute('qmp_capabilities'), new LabError('QMP qmp_capabilities: QEMU has ended'));
  await qmp.closed;
  t.same(events, [{ event: 'SHUTDOWN', data: { reason: 'guest-reset' } }]);
});
