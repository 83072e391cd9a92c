import { existsSync } from 'node:fs';
import { before } from '../binding/index.ts';
import { ioMemory, pattern, SyscallError, suite, type Test, test, until } from '../lib/index.ts';
import type { UblkClient } from '../lib/ublk/client.ts';
import { UblkControl } from '../lib/ublk/control.ts';
import { eventually, MIB, startServer, UBLK_NEEDS } from '../lib/ublk/fixtures.ts';
import { memoryTarget } from '../lib/ublk/target.ts';

/** Whether the kernel has a device with this number. */
async function deviceExists(t: Test, id: number): Promise<boolean> {
  using control = new UblkControl(t.uapi);
  try {
    await control.info(id);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.code === 'ENODEV') return false;
    throw error;
  }
}

/**
 * Whether a device can be added with this number. A device that can no longer be asked for keeps its number until its last reference is
 * released (ublk_cdev_rel, drivers/block/ublk_drv.c). Deleting resolves when the number is free again.
 */
async function canAdd(t: Test, id: number): Promise<boolean> {
  using control = new UblkControl(t.uapi);
  try {
    await control.add({
      ...{ queues: 1, depth: 1, maxIo: 4096, flags: t.uapi.bits('UBLK_F_USER_COPY') },
      id,
    });
  } catch (error) {
    if (error instanceof SyscallError && error.code === 'EEXIST') return false;
    throw error;
  }
  await control.delete(id);
  return true;
}

/**
 * Waits until the number is free: disposal deletes a device without waiting, and the kernel closes the last file of a ring that
 * exits asynchronously.
 */
const numberFree = (t: Test, id: number) => eventually(t, `device number ${id} is free`, () => canAdd(t, id));

/** Checks that a removed device has size 0 for a client that still has it open. */
async function checkRemoved(t: Test, client: UblkClient): Promise<void> {
  const memory = ioMemory(t, 4096);
  const read = await client.transfer('READ', memory, 0);
  t.equal(read.res, 0, 'CQE res of a read of the removed device');
  const write = await client.transfer('WRITE', memory, 0);
  t.errno(write, 'ENOSPC', 'CQE res of a write to the removed device');
}

/** Whether a promise resolves within `ms`. */
const resolvesWithin = (promise: Promise<unknown>, ms: number) => before(performance.now() + ms, promise);

suite('ends', UBLK_NEEDS, () => {
  test('deleting a device removes its nodes and frees its number for the next device', async (t) => {
    const target = memoryTarget(t, MIB);
    // The kernel may not have released the device of the previous test yet.
    await numberFree(t, 0);
    for (let round = 0; round < 5; round++) {
      const { server, client } = await startServer(t, { target });
      t.equal(server.id, 0, `device number in round ${round}`);
      const { state } = await server.control.info(0);
      t.equal(state, t.uapi.constant('UBLK_S_DEV_LIVE'), `device state in round ${round}`);
      await client.put(0, pattern(4096, round));
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await numberFree(t, 0);
      const nodes = ['/dev/ublkb0', '/dev/ublkc0'].filter((path) => existsSync(path));
      t.same(nodes, [], `device nodes after round ${round}`);
    }
  });

  test('three devices of one process keep their data apart', async (t) => {
    const targets = [1, 2, 3].map(() => memoryTarget(t, MIB));
    const devices = await Promise.all(targets.map((target) => startServer(t, { target })));
    t.equal(new Set(devices.map(({ server }) => server.id)).size, 3, 'distinct device numbers');
    await Promise.all(devices.map(({ client }, index) => client.put(0, pattern(MIB, index + 1))));
    for (const [index, { client }] of devices.entries())
      t.bytes(await client.get(0, MIB), pattern(MIB, index + 1), `bytes read from device ${index}`);
  });

  test('stopping a device waits for the write in flight, and a later write fails with ENOSPC', async (t) => {
    const { client, server } = await startServer(t, { target: memoryTarget(t, MIB) });
    const held = server.holdBack();
    const memory = ioMemory(t, 4096, 5);
    const write = client.transfer('WRITE', memory, 0);
    await held.arrived();
    const stop = server.stop();
    t.ok(!(await resolvesWithin(stop, 300)), 'the device does not stop while a write is in flight');
    held.release();
    t.equal((await write).res, 4096, 'CQE res of the write');
    await stop;
    const { state } = await server.control.info(server.id);
    t.equal(state, t.uapi.constant('UBLK_S_DEV_DEAD'), 'device state after the stop');
    t.equal(existsSync(server.path), false, 'existence of the block device after the stop');
    await checkRemoved(t, client);
  });

  test('requests in flight fail with EIO when the server closes its rings, and a later write fails with ENOSPC', async (t) => {
    const { client, server } = await startServer(t, { target: memoryTarget(t, MIB), queues: 2 });
    const held = server.holdBack();
    const memory = ioMemory(t, 8 * 4096);
    const transfers = [0, 1, 2, 3, 4, 5].map((index) =>
      client.transfer(index % 2 ? 'READ' : 'WRITE', memory.part(index * 4096, 4096), index * 65536),
    );
    await held.arrived(transfers.length);
    server.abandon();
    for (const [index, completion] of (await Promise.all(transfers)).entries())
      t.errno(completion, 'EIO', `CQE res of transfer ${index}`);
    await until('the block device is gone', () => !existsSync(server.path));
    await checkRemoved(t, client);
  });

  test('deleting an open device removes its nodes at once and frees its number when the client closes it', async (t) => {
    const { client, server } = await startServer(t, { target: memoryTarget(t, MIB) });
    const bytes = pattern(4096, 6);
    await client.put(0, bytes);
    const deletion = server.delete();
    await until('the block device is gone', () => !existsSync(server.path));
    await until('the character device is gone', () => !existsSync(`/dev/ublkc${server.id}`));
    t.ok(!(await resolvesWithin(deletion, 300)), 'the delete does not finish while the device is open');
    await checkRemoved(t, client);
    client[Symbol.dispose]();
    await deletion;
    t.equal(
      await deviceExists(t, server.id),
      false,
      'existence of the device after the client has closed it',
    );
  });

  test('disposing of a server fails a held read with EIO and deletes the device', async (t) => {
    const { client, server } = await startServer(t, { target: memoryTarget(t, MIB) });
    const held = server.holdBack();
    const read = client.transfer('READ', ioMemory(t, 4096), 0);
    await held.arrived();
    await server[Symbol.asyncDispose]();
    t.errno(await read, 'EIO', 'CQE res of the held read');
    client[Symbol.dispose]();
    await numberFree(t, server.id);
  });
});
