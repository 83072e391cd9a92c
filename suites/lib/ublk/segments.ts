import { ioMemory, numbers, pattern, type Test, test } from '../base.ts';
import { type DataPath, testEachTarget } from './datapath.ts';
import { MIB, startServer } from './fixtures.ts';
import { recorded, totalLength } from './recorded.ts';
import { SECTOR } from './request.ts';

/** Pieces of memory that add up to `length` bytes, each in another page and at a random block-aligned place in it. */
function scattered(t: Test, length: number, piece: number, seed: number) {
  const memory = ioMemory(t, (length / piece) * 4096);
  const below = numbers(seed);
  const parts = Array.from({ length: length / piece }, (_, index) => {
    const start = index * 4096 + 512 * below(1 + (4096 - piece) / 512);
    return {
      ...memory.part(start, piece),
      bytes: memory.bytes.subarray(start, start + piece),
    };
  });
  return {
    parts,
    set: (bytes: Uint8Array) => {
      for (const [index, part] of parts.entries())
        part.bytes.set(bytes.subarray(index * piece, (index + 1) * piece));
    },
    get: () => Buffer.concat(parts.map(({ bytes }) => bytes)),
  };
}

/** Registers the tests of requests with many segments, and of merges. */
export function segmentTests(dataPath: DataPath): void {
  const { flags } = dataPath;
  for (const [piece, count] of [
    [512, 64],
    [512, 256],
    [2048, 200],
    [4096, 256],
  ] as const)
    testEachTarget(
      dataPath,
      `vectored transfers of ${count} segments of ${piece} bytes keep their bytes`,
      async (t, makeTarget) => {
        const target = makeTarget(4 * MIB);
        const { blockSize = SECTOR } = target;
        if (piece < blockSize)
          t.skip(`segments are whole blocks, and the target has blocks of ${blockSize} bytes`);
        const length = piece * count;
        const { requests, makeStrategy } = recorded(dataPath);
        const { client } = await startServer(t, { target, flags, makeStrategy });
        const bytes = pattern(length, count);
        const source = scattered(t, length, piece, 3);
        source.set(bytes);
        const [offset, first] = [MIB + blockSize, requests.length];
        const write = await client.vectored('WRITE', source.parts, offset);
        t.equal(write.res, length, 'CQE res of the vectored write');
        t.bytes(await client.get(offset, length), bytes, 'bytes that the vectored write has written');
        const sink = scattered(t, length, piece, 4);
        const read = await client.vectored('READ', sink.parts, offset);
        t.equal(read.res, length, 'CQE res of the vectored read');
        t.bytes(sink.get(), bytes, 'bytes that the vectored read has read');
        t.equal(totalLength(requests.slice(first)), 3 * length, 'bytes of the requests to the server');
      },
    );

  test('adjacent transfers that are submitted together are merged, and their bytes are kept', async (t) => {
    const { requests, makeStrategy } = recorded(dataPath);
    const target = dataPath.scratch(t, MIB);
    const { blockSize = SECTOR } = target;
    const { client } = await startServer(t, { target, flags, makeStrategy });
    const [count, each] = [16, 4096];
    const bytes = pattern(count * each, 7);
    const memory = ioMemory(t, bytes.length);
    memory.bytes.set(bytes);
    const part = (index: number) => memory.part(index * each, each);
    const first = requests.length;
    // One system call submits all: the kernel plugs them and merges adjacent bios into one request.
    const transferAll = async (opcode: 'READ' | 'WRITE') => {
      const transfers = Array.from({ length: count }, (_, index) =>
        client.transfer(opcode, part(index), blockSize + index * each),
      );
      for (const [index, { res }] of (await Promise.all(transfers)).entries())
        t.equal(res, each, `CQE res of ${opcode} ${index}`);
    };
    await transferAll('WRITE');
    const writes = requests.slice(first);
    const largest = Math.max(...writes.map(({ length }) => length));
    t.ok(
      largest > each,
      `some writes are merged: the largest request has more than ${each} bytes, not ${largest}`,
    );
    t.equal(totalLength(writes), bytes.length, 'bytes of the write requests to the server');
    t.bytes(await client.get(blockSize, bytes.length), bytes, 'bytes read by one transfer');
    memory.bytes.fill(0);
    await transferAll('READ');
    t.bytes(memory.bytes, bytes, 'bytes read by adjacent transfers');
  });
}
