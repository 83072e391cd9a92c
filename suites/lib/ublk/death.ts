import { existsSync, readFileSync } from 'node:fs';
import { ioMemory, pattern, suite, type Test, test, until } from '../index.ts';
import { childServer } from './child.ts';
import { Client } from './client.ts';
import { Control } from './control.ts';
import { eventually, MIB, temporary } from './setup.ts';
import { fileTarget } from './target.ts';
import type { Way } from './way.ts';

/** A file that the other process opens. */
function backing(t: Test): { path: string; size: number } {
  const path = temporary(t);
  return { path, size: fileTarget(t, path, MIB).size };
}

/** `name` is the way's for the other process. */
export function deathTests(name: string, way: Way): void {
  const start = childServer(name, way.answering);
  suite('a server in a process of its own', way.needs, () => tests(start, way));
}

function tests(start: ReturnType<typeof childServer>, way: Way): void {
  test('another process: it serves, is held back, and goes on', async (t) => {
    const path = temporary(t);
    fileTarget(t, path, MIB);
    const server = await start(t, {
      flags: way.flags,
      target: { path, size: MIB },
      hold: 'write',
      queues: 2,
    });
    const client = t.use(new Client(t, server.path));
    const bytes = pattern(64 << 10, 3);
    const written = client.put(4096, bytes);
    const { kind, offset, length } = await server.arrived();
    t.same({ kind, offset, length }, { kind: 'write', offset: 4096, length: bytes.length });
    t.bytes(await client.get(4096, 4096), new Uint8Array(4096), 'the write was answered');
    server.release();
    await written;
    t.bytes(await client.get(4096, bytes.length), bytes);
    client[Symbol.dispose]();
    await server.stop();
    t.ok(!existsSync(server.path) && !existsSync(`/dev/ublkc${server.id}`), 'nodes are left');
    t.bytes(readFileSync(path).subarray(4096, 4096 + bytes.length), bytes, 'what is in the file');
  });

  for (const kind of ['read', 'write'] as const)
    test(`another process: killed with a ${kind} under way`, async (t) => {
      const server = await start(t, { flags: way.flags, target: backing(t), hold: kind });
      const client = t.use(new Client(t, server.path));
      const memory = ioMemory(t, 3 * 4096);
      const under = [0, 1, 2].map((index) =>
        client.transfer(
          kind === 'read' ? 'READ' : 'WRITE',
          { address: memory.address + BigInt(index * 4096), length: 4096 },
          index * 65536,
        ),
      );
      for (const _ of under) await server.arrived();
      await server.kill();
      for (const answered of await Promise.all(under)) t.errno(answered, 'EIO');
      using control = new Control(t.uapi);
      const dead = t.uapi.constant('UBLK_S_DEV_DEAD');
      await eventually(t, 'the kernel stops it', async () => (await control.info(server.id)).state === dead);
      t.ok(!existsSync(server.path), 'the block device is left');
      client[Symbol.dispose]();
      await control.delete(server.id);
      t.ok(!existsSync(`/dev/ublkc${server.id}`), 'the character device is left');
    });

  test('another process: killed with nothing under way, and the next takes its place', async (t) => {
    for (const round of [0, 1]) {
      const server = await start(t, { flags: way.flags, target: backing(t) });
      const client = t.use(new Client(t, server.path));
      await client.put(0, pattern(4096, round));
      await server.kill();
      await until('the block device is gone', () => !existsSync(server.path));
      client[Symbol.dispose]();
      using control = new Control(t.uapi);
      await control.delete(server.id);
    }
  });
}
