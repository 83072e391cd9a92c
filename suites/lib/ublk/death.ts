import { existsSync, readFileSync } from 'node:fs';
import { ioMemory, pattern, suite, type Test, test, until } from '../base.ts';
import { UblkClient } from './client.ts';
import { UblkControl } from './control.ts';
import type { DataPath } from './datapath.ts';
import { eventually, MIB, temporaryPath } from './fixtures.ts';
import { peerServer } from './peer.ts';
import { fileTarget } from './target.ts';

/** Creates a file of 1 MiB for the peer process to open. */
function backingFile(t: Test): { path: string; size: number } {
  const path = temporaryPath(t);
  return { path, size: fileTarget(t, path, MIB).size };
}

/** Registers the tests of a server in a peer process, which is stopped or killed. `name` identifies the peer (`peerServer`). */
export function deathTests(name: string, dataPath: DataPath): void {
  const start = peerServer(name, dataPath.makeStrategy);
  suite('server in a peer process', dataPath.needs, () => tests(start, dataPath));
}

function tests(start: ReturnType<typeof peerServer>, { flags }: DataPath): void {
  test('a server in a peer process answers a read while it holds a write back, and deletes its device when it stops', async (t) => {
    const { path, size } = backingFile(t);
    const server = await start(t, { flags, target: { path, size }, hold: 'write', queues: 2 });
    const client = t.use(new UblkClient(t, server.path));
    const bytes = pattern(64 << 10, 3);
    const write = client.put(4096, bytes);
    const { kind, offset, length } = await server.arrived();
    t.same(
      { kind, offset, length },
      { kind: 'write', offset: 4096, length: bytes.length },
      'the held request',
    );
    t.bytes(await client.get(4096, 4096), new Uint8Array(4096), 'bytes read while the write is held');
    server.release();
    await write;
    t.bytes(await client.get(4096, bytes.length), bytes, 'bytes read after the write');
    client[Symbol.dispose]();
    await server.stop();
    t.equal(existsSync(server.path), false, 'existence of the block device after the stop');
    t.equal(existsSync(`/dev/ublkc${server.id}`), false, 'existence of the character device after the stop');
    t.bytes(readFileSync(path).subarray(4096, 4096 + bytes.length), bytes, 'contents of the backing file');
  });

  for (const kind of ['read', 'write'] as const)
    test(`each ${kind} in flight fails with EIO when the server process is killed`, async (t) => {
      const server = await start(t, { flags, target: backingFile(t), hold: kind });
      const client = t.use(new UblkClient(t, server.path));
      const memory = ioMemory(t, 3 * 4096);
      const transfers = [0, 1, 2].map((index) =>
        client.transfer(kind === 'read' ? 'READ' : 'WRITE', memory.part(index * 4096, 4096), index * 65536),
      );
      for (const _ of transfers) await server.arrived();
      await server.kill();
      for (const [index, completion] of (await Promise.all(transfers)).entries())
        t.errno(completion, 'EIO', `CQE res of ${kind} ${index}`);
      using control = new UblkControl(t.uapi);
      const dead = t.uapi.constant('UBLK_S_DEV_DEAD');
      await eventually(
        t,
        'state UBLK_S_DEV_DEAD of the device',
        async () => (await control.info(server.id)).state === dead,
      );
      t.equal(existsSync(server.path), false, 'existence of the block device after the kill');
      client[Symbol.dispose]();
      await control.delete(server.id);
      t.equal(
        existsSync(`/dev/ublkc${server.id}`),
        false,
        'existence of the character device after the delete',
      );
    });

  test('the device of an idle server that is killed can be deleted, and a new server starts', async (t) => {
    for (const round of [0, 1]) {
      const server = await start(t, { flags, target: backingFile(t) });
      const client = t.use(new UblkClient(t, server.path));
      await client.put(0, pattern(4096, round));
      await server.kill();
      await until('the block device is gone', () => !existsSync(server.path));
      client[Symbol.dispose]();
      using control = new UblkControl(t.uapi);
      await control.delete(server.id);
    }
  });
}
