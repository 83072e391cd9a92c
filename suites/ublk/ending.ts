import { existsSync } from 'node:fs';
import { before } from '../binding/index.ts';
import { ioMemory, pattern, SyscallError, suite, type Test, test, until } from '../lib/index.ts';
import type { Client } from '../lib/ublk/client.ts';
import { Control } from '../lib/ublk/control.ts';
import { eventually, MIB, NEEDS, served } from '../lib/ublk/setup.ts';
import { memoryTarget } from '../lib/ublk/target.ts';

/** Whether the kernel knows a device of this number. */
async function known(t: Test, id: number): Promise<boolean> {
  using control = new Control(t.uapi);
  try {
    await control.info(id);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.code === 'ENODEV') return false;
    throw error;
  }
}

/** Waits until it does not: the last file of a device is closed behind our backs. */
const forgotten = (t: Test, id: number) =>
  eventually(t, `device ${id} is forgotten`, async () => !(await known(t, id)));

/** A device that is gone has no bytes left: there is nothing to read, and no space to write to. */
async function refuses(t: Test, client: Client): Promise<void> {
  const memory = ioMemory(t, 4096);
  t.equal((await client.transfer('READ', memory, 0)).res, 0, 'a read after the end');
  t.errno(await client.transfer('WRITE', memory, 0), 'ENOSPC', 'a write after the end');
}

const soon = (promise: Promise<unknown>, ms: number) => before(performance.now() + ms, promise);

suite('ends', NEEDS, () => {
  test('a device comes and goes, and its number is free again', async (t) => {
    const target = memoryTarget(t, MIB);
    // The device of the test before may still be on its way out.
    await forgotten(t, 0);
    for (let round = 0; round < 5; round++) {
      const { server, client } = await served(t, { target });
      t.equal(server.id, 0, 'the number');
      t.equal((await server.control.info(0)).state, t.uapi.constant('UBLK_S_DEV_LIVE'));
      await client.put(0, pattern(4096, round));
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      await forgotten(t, 0);
      t.ok(!existsSync('/dev/ublkb0') && !existsSync('/dev/ublkc0'), 'nodes are left');
    }
  });

  test('three devices side by side', async (t) => {
    const three = [1, 2, 3].map((seed) => ({ seed, target: memoryTarget(t, MIB) }));
    const all = await Promise.all(three.map(({ target }) => served(t, { target })));
    t.equal(new Set(all.map(({ server }) => server.id)).size, 3);
    await Promise.all(all.map(({ client }, index) => client.put(0, pattern(MIB, index + 1))));
    for (const [index, { client }] of all.entries())
      t.bytes(await client.get(0, MIB), pattern(MIB, index + 1), `device ${index}`);
  });

  test('a stop waits for what is held back', async (t) => {
    const { client, server } = await served(t, { target: memoryTarget(t, MIB) });
    const held = server.holdBack();
    const memory = ioMemory(t, 4096, 5);
    const under = client.transfer('WRITE', memory, 0);
    await held.arrived();
    const stopped = server.stop();
    t.ok(!(await soon(stopped, 300)), 'it stopped with a request under way');
    held.release();
    t.equal((await under).res, 4096);
    await stopped;
    t.equal((await server.control.info(server.id)).state, t.uapi.constant('UBLK_S_DEV_DEAD'));
    t.ok(!existsSync(server.path), 'the block device is left');
    await refuses(t, client);
  });

  test('a server that goes with requests under way: they fail, and so does what comes after', async (t) => {
    const { client, server } = await served(t, { target: memoryTarget(t, MIB), queues: 2 });
    const held = server.holdBack();
    const memory = ioMemory(t, 8 * 4096);
    const under = [0, 1, 2, 3, 4, 5].map((index) =>
      client.transfer(
        index % 2 ? 'READ' : 'WRITE',
        { address: memory.address + BigInt(index * 4096), length: 4096 },
        index * 65536,
      ),
    );
    await held.arrived(under.length);
    server.abandon();
    for (const answered of await Promise.all(under)) t.errno(answered, 'EIO');
    await until('the block device is gone', () => !existsSync(server.path));
    await refuses(t, client);
  });

  test('a device is deleted while it is open', async (t) => {
    const { client, server } = await served(t, { target: memoryTarget(t, MIB) });
    const bytes = pattern(4096, 6);
    await client.put(0, bytes);
    const deleted = server.delete();
    await until('the block device is gone', () => !existsSync(server.path));
    t.ok(!(await soon(deleted, 300)), 'the number was free while the device was open');
    t.ok(!existsSync(`/dev/ublkc${server.id}`), 'the character device is left');
    await refuses(t, client);
    client[Symbol.dispose]();
    await deleted;
    t.equal(await known(t, server.id), false);
  });

  test('disposing ends what is held back', async (t) => {
    const { client, server } = await served(t, { target: memoryTarget(t, MIB) });
    const held = server.holdBack();
    const under = client.transfer('READ', ioMemory(t, 4096), 0);
    await held.arrived();
    await server[Symbol.asyncDispose]();
    t.errno(await under, 'EIO');
    client[Symbol.dispose]();
    await forgotten(t, server.id);
  });
});
