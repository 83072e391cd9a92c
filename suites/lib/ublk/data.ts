import { constants, readFileSync } from 'node:fs';
import { File, ioMemory, mounted, numbers, pattern, suite, test } from '../index.ts';
import { elsewhere } from './client.ts';
import { MIB, served, temporary } from './setup.ts';
import { fileTarget } from './target.ts';
import { eachTarget, how, type Way } from './way.ts';

const SIZES = [512, 4096, 64 << 10, 512 << 10, MIB];
/** Places that no page and no larger block begins at. */
const ODD = [0, 512, 3 * 512, 4096 + 512, 65536 - 512, 2 * MIB + 7 * 512];

/** Contents: in all sizes and places, by all who use the device. */
export function dataTests(way: Way): void {
  suite('data', way.needs, () => tests(way));
}

function tests(way: Way): void {
  eachTarget(way, 'what is written is read, in all sizes at odd places', async (t, target) => {
    const { client, server } = await served(t, { ...how(way), target: target(8 * MIB) });
    const image = new Uint8Array(8 * MIB);
    await client.put(0, image.subarray(0, 4 * MIB));
    await client.put(4 * MIB, image.subarray(4 * MIB));
    let seed = 1;
    for (const size of SIZES)
      for (const offset of ODD) {
        const bytes = pattern(size, seed++);
        image.set(bytes, offset);
        await client.put(offset, bytes);
        t.bytes(await client.get(offset, size), bytes, `${size} bytes at ${offset}`);
      }
    for (let at = 0; at < image.length; at += MIB)
      t.bytes(await client.get(at, MIB), image.subarray(at, at + MIB), `what is around it, from ${at}`);
    t.ok(server.served.bytes >= image.length * 2, 'the server was not asked');
  });

  test('blocks of 4096 bytes: what is smaller is refused before the server sees it', async (t) => {
    const { client, server } = await served(t, { ...how(way), target: way.scratch(t, MIB), blockSize: 4096 });
    const bytes = pattern(4096, 3);
    await client.put(5 * 4096, bytes);
    t.bytes(await client.get(5 * 4096, 4096), bytes);
    const before = server.served.requests;
    const small = ioMemory(t, 512);
    t.errno(await client.transfer('READ', small, 0), 'EINVAL');
    t.errno(await client.transfer('WRITE', ioMemory(t, 4096), 512), 'EINVAL');
    t.equal(server.served.requests, before);
  });

  test('an end that is no whole MiB: the last block can be used, and none after it', async (t) => {
    const size = MIB + 3 * 512;
    const { client } = await served(t, { ...how(way), target: way.scratch(t, size) });
    const bytes = pattern(512, 8);
    await client.put(size - 512, bytes);
    t.bytes(await client.get(size - 512, 512), bytes);
    t.equal((await client.transfer('READ', ioMemory(t, 4096), size - 512)).res, 512, 'read up to the end');
    t.equal((await client.transfer('READ', ioMemory(t, 512), size)).res, 0, 'read after the end');
    t.errno(await client.transfer('WRITE', ioMemory(t, 512), size), 'ENOSPC');
  });

  test('a file: buffered readers and writers of other processes see the same', async (t) => {
    const path = temporary(t);
    const bytes = pattern(3 * MIB, 21);
    const target = fileTarget(t, path, bytes.length);
    const { server } = await served(t, { ...how(way), target });
    const source = temporary(t);
    t.use(fileTarget(t, source, bytes.length).file).write(bytes, 0);
    await elsewhere(t, 'dd', `if=${source}`, `of=${server.path}`, 'bs=64k', 'conv=fsync');
    t.bytes(readFileSync(path), bytes, 'what has reached the file');
    await elsewhere(t, 'cmp', server.path, source);
    const out = temporary(t);
    await elsewhere(t, 'dd', `if=${server.path}`, `of=${out}`, 'bs=5120', 'skip=17', 'count=100');
    t.bytes(readFileSync(out), bytes.subarray(17 * 5120, 117 * 5120), 'what dd has read');
  });

  test('a file with O_DIRECT on a file system of the drive', { devices: ['data'] }, async (t) => {
    const folder = mounted(t, t.device('data'), 32768);
    const target = fileTarget(t, `${folder}/image`, 4 * MIB, { direct: true });
    const { client } = await served(t, { ...how(way), target });
    const bytes = pattern(MIB, 31);
    await client.put(MIB + 512, bytes);
    t.equal((await client.fsync()).res, 0);
    t.bytes(await client.get(MIB + 512, MIB), bytes);
    const file = t.use(new File(`${folder}/image`, constants.O_RDONLY));
    const seen = new Uint8Array(MIB);
    t.equal(file.read(seen, MIB + 512), MIB);
    t.bytes(seen, bytes, 'what is in the file');
  });

  test('a hundred random transfers, a few at a time, against an image', { timeoutMs: 60_000 }, async (t) => {
    const size = 4 * MIB;
    const { client } = await served(t, { ...how(way), target: way.scratch(t, size), queues: 2 });
    const below = numbers(t.lab.cell.seed);
    const image = new Uint8Array(size);
    for (let at = 0; at < size; at += MIB) await client.put(at, image.subarray(at, at + MIB));
    for (let round = 0; round < 25; round++) {
      // Four regions of a MiB: what is under way at once does not overlap.
      const parts = [0, 1, 2, 3].map((region) => {
        const length = 512 * (1 + below(512));
        return { offset: region * MIB + 512 * below((MIB - length) / 512), length, write: below(2) === 0 };
      });
      await Promise.all(
        parts.map(async ({ offset, length, write }, index) => {
          const bytes = write ? pattern(length, round * 4 + index + 1) : image.slice(offset, offset + length);
          if (!write) return t.bytes(await client.get(offset, length), bytes, `round ${round}, at ${offset}`);
          image.set(bytes, offset);
          await client.put(offset, bytes);
        }),
      );
    }
    for (let at = 0; at < size; at += MIB)
      t.bytes(await client.get(at, MIB), image.subarray(at, at + MIB), `at the end, from ${at}`);
  });
}
