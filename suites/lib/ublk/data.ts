import { constants, readFileSync } from 'node:fs';
import { File, ioMemory, mounted, numbers, pattern, suite, test } from '../base.ts';
import { runCommand } from './client.ts';
import { type DataPath, pathOptions, testEachTarget } from './datapath.ts';
import { MIB, startServer, temporaryPath } from './fixtures.ts';
import { SECTOR } from './request.ts';
import { fileTarget, type Target } from './target.ts';

/** Sizes of whole blocks. */
const sizes = (block: number) => [...new Set([block, 4096, 64 << 10, 512 << 10, MIB])];
/** Block-aligned offsets; all but 0 are aligned to no larger block. */
const oddOffsets = (block: number) => [
  ...[0, block, 3 * block],
  ...[4096 + block, 65536 - block, 2 * MIB + 7 * block],
];
/** Logical block size of a device over this target. */
const blockOf = ({ blockSize = SECTOR }: Target) => blockSize;

/** Registers the tests of contents: every size and offset, device limits, and other processes as clients. */
export function dataTests(dataPath: DataPath): void {
  suite('data', dataPath.needs, () => tests(dataPath));
}

function tests(dataPath: DataPath): void {
  const options = pathOptions(dataPath);

  testEachTarget(
    dataPath,
    'reads return the bytes written at every size and odd offset',
    async (t, makeTarget) => {
      const target = makeTarget(8 * MIB);
      const { client, server } = await startServer(t, { ...options, target });
      const image = new Uint8Array(8 * MIB);
      await client.put(0, image.subarray(0, 4 * MIB));
      await client.put(4 * MIB, image.subarray(4 * MIB));
      let seed = 1;
      for (const size of sizes(blockOf(target)))
        for (const offset of oddOffsets(blockOf(target))) {
          const bytes = pattern(size, seed++);
          image.set(bytes, offset);
          await client.put(offset, bytes);
          t.bytes(await client.get(offset, size), bytes, `${size} bytes read back at ${offset}`);
        }
      for (let offset = 0; offset < image.length; offset += MIB)
        t.bytes(
          await client.get(offset, MIB),
          image.subarray(offset, offset + MIB),
          `the MiB at ${offset} after all writes`,
        );
      const { bytes } = server.served;
      t.ok(
        bytes >= image.length * 2,
        `the server has answered ${image.length * 2} bytes or more, not ${bytes}`,
      );
    },
  );

  test('a transfer not aligned to the 4096-byte logical block fails with EINVAL and never reaches the server', async (t) => {
    const target = dataPath.scratch(t, MIB);
    const { client, server } = await startServer(t, { ...options, target, blockSize: 4096 });
    const bytes = pattern(4096, 3);
    await client.put(5 * 4096, bytes);
    t.bytes(await client.get(5 * 4096, 4096), bytes, 'the block read back');
    const requestsBefore = server.served.requests;
    const halfBlock = await client.transfer('READ', ioMemory(t, 512), 0);
    t.errno(halfBlock, 'EINVAL', 'CQE res of a read of 512 bytes');
    const unaligned = await client.transfer('WRITE', ioMemory(t, 4096), 512);
    t.errno(unaligned, 'EINVAL', 'CQE res of a write at offset 512');
    t.equal(server.served.requests, requestsBefore, 'requests that the server has fetched');
  });

  test('the last block of a device whose end is not MiB-aligned is usable, and a write past the end fails with ENOSPC', async (t) => {
    const block = blockOf(dataPath.scratch(t, MIB));
    const size = MIB + 3 * block;
    const { client } = await startServer(t, { ...options, target: dataPath.scratch(t, size) });
    const bytes = pattern(block, 8);
    await client.put(size - block, bytes);
    t.bytes(await client.get(size - block, block), bytes, 'the last block read back');
    const acrossEnd = await client.transfer('READ', ioMemory(t, 2 * 4096), size - block);
    t.equal(acrossEnd.res, block, 'CQE res of a read across the end');
    const pastEnd = await client.transfer('READ', ioMemory(t, block), size);
    t.equal(pastEnd.res, 0, 'CQE res of a read past the end');
    t.errno(
      await client.transfer('WRITE', ioMemory(t, block), size),
      'ENOSPC',
      'CQE res of a write past the end',
    );
  });

  test('buffered reads and writes of other processes match the backing file', async (t) => {
    const path = temporaryPath(t);
    const bytes = pattern(3 * MIB, 21);
    const target = fileTarget(t, path, bytes.length);
    const { server } = await startServer(t, { ...options, target });
    const source = temporaryPath(t);
    t.use(fileTarget(t, source, bytes.length).file).write(bytes, 0);
    await runCommand(t, 'dd', `if=${source}`, `of=${server.path}`, 'bs=64k', 'conv=fsync');
    t.bytes(readFileSync(path), bytes, 'the backing file after dd has written the device');
    await runCommand(t, 'cmp', server.path, source);
    const copy = temporaryPath(t);
    await runCommand(t, 'dd', `if=${server.path}`, `of=${copy}`, 'bs=5120', 'skip=17', 'count=100');
    t.bytes(readFileSync(copy), bytes.subarray(17 * 5120, 117 * 5120), 'the blocks that dd has read');
  });

  test('data reaches a backing file that is opened with O_DIRECT on a file system of the drive', {
    devices: ['data'],
  }, async (t) => {
    const folder = mounted(t, t.device('data'), 32768);
    const target = fileTarget(t, `${folder}/image`, 4 * MIB, { direct: true });
    // Direct I/O on a file takes whole blocks of the drive.
    const { blockSize } = t.device('data');
    const { client } = await startServer(t, { ...options, target, blockSize });
    const bytes = pattern(MIB, 31);
    await client.put(MIB + blockSize, bytes);
    t.equal((await client.fsync()).res, 0, 'CQE res of the fsync');
    t.bytes(await client.get(MIB + blockSize, MIB), bytes, 'the bytes read back');
    const file = t.use(new File(`${folder}/image`, constants.O_RDONLY));
    const contents = new Uint8Array(MIB);
    t.equal(file.read(contents, MIB + blockSize), MIB, 'bytes read from the backing file');
    t.bytes(contents, bytes, 'contents of the backing file');
  });

  test('100 random transfers, four in flight, match an image in memory', { timeoutMs: 60_000 }, async (t) => {
    const size = 4 * MIB;
    const target = dataPath.scratch(t, size);
    const block = blockOf(target);
    const { client } = await startServer(t, { ...options, target, queues: 2 });
    const below = numbers(t.lab.cell.seed);
    const image = new Uint8Array(size);
    for (let offset = 0; offset < size; offset += MIB)
      await client.put(offset, image.subarray(offset, offset + MIB));
    for (let round = 0; round < 25; round++) {
      // One transfer in each MiB: concurrent transfers do not overlap.
      const transfers = [0, 1, 2, 3].map((region) => {
        const length = block * (1 + below((256 << 10) / block));
        const offset = region * MIB + block * below((MIB - length) / block);
        return { offset, length, write: below(2) === 0 };
      });
      await Promise.all(
        transfers.map(async ({ offset, length, write }, index) => {
          const bytes = write ? pattern(length, round * 4 + index + 1) : image.slice(offset, offset + length);
          if (!write)
            return t.bytes(
              await client.get(offset, length),
              bytes,
              `round ${round}: bytes read at ${offset}`,
            );
          image.set(bytes, offset);
          await client.put(offset, bytes);
        }),
      );
    }
    for (let offset = 0; offset < size; offset += MIB)
      t.bytes(
        await client.get(offset, MIB),
        image.subarray(offset, offset + MIB),
        `the MiB at ${offset} after all rounds`,
      );
  });
}
