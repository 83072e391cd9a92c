import { readFileSync } from 'node:fs';
import { ioMemory, numbers, pattern, suite, type Test, test } from '../index.ts';
import { runCommand } from './client.ts';
import { type DataPath, pathOptions, testEachTarget } from './datapath.ts';
import { MIB, startServer } from './fixtures.ts';
import type { BlockRequest } from './request.ts';
import type { StrategyFactory } from './strategy.ts';

/** The strategy of a data path, recording every request that it answers. */
function recorded(dataPath: DataPath): { requests: BlockRequest[]; makeStrategy: StrategyFactory } {
  const requests: BlockRequest[] = [];
  const makeStrategy: StrategyFactory = (target, uapi) => {
    const strategy = dataPath.makeStrategy(target, uapi);
    return (request, port) => {
      requests.push(request);
      return strategy(request, port);
    };
  };
  return { requests, makeStrategy };
}

/** Pieces of memory that add up to `length` bytes, each in another page and at a random block-aligned place in it. */
function scattered(t: Test, length: number, piece: number, seed: number) {
  const memory = ioMemory(t, (length / piece) * 4096);
  const below = numbers(seed);
  const parts = Array.from({ length: length / piece }, (_, index) => {
    const start = index * 4096 + 512 * below(1 + (4096 - piece) / 512);
    return {
      address: memory.address + BigInt(start),
      length: piece,
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

const totalLength = (requests: readonly BlockRequest[]) =>
  requests.reduce((sum, { length }) => sum + length, 0);

/** Registers the tests of how the block layer forms requests: segments, merges, size limit, tags, queues, flush and FUA. */
export function shapeTests(dataPath: DataPath): void {
  suite('shapes of requests', dataPath.needs, () => {
    segmentTests(dataPath);
    limitTests(dataPath);
    queueTests(dataPath);
    flushTests(dataPath);
  });
}

function segmentTests(dataPath: DataPath): void {
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
        const length = piece * count;
        const { requests, makeStrategy } = recorded(dataPath);
        const { client } = await startServer(t, { target: makeTarget(4 * MIB), flags, makeStrategy });
        const bytes = pattern(length, count);
        const source = scattered(t, length, piece, 3);
        source.set(bytes);
        const [offset, first] = [MIB + 512, requests.length];
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
    const { client } = await startServer(t, { target: dataPath.scratch(t, MIB), flags, makeStrategy });
    const [count, each] = [16, 4096];
    const bytes = pattern(count * each, 7);
    const memory = ioMemory(t, bytes.length);
    memory.bytes.set(bytes);
    const part = (index: number) => ({ address: memory.address + BigInt(index * each), length: each });
    const first = requests.length;
    // One system call submits all: the kernel plugs them and merges adjacent bios into one request.
    const transferAll = async (opcode: 'READ' | 'WRITE') => {
      const transfers = Array.from({ length: count }, (_, index) =>
        client.transfer(opcode, part(index), 512 + index * each),
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
    t.bytes(await client.get(512, bytes.length), bytes, 'bytes read by one transfer');
    memory.bytes.fill(0);
    await transferAll('READ');
    t.bytes(memory.bytes, bytes, 'bytes read by adjacent transfers');
  });
}

function limitTests(dataPath: DataPath): void {
  const { flags } = dataPath;
  test("no request exceeds the server's maximum I/O size", async (t) => {
    const { requests, makeStrategy } = recorded(dataPath);
    const maxIo = 64 << 10;
    const target = dataPath.scratch(t, 4 * MIB);
    const { client, server } = await startServer(t, { target, flags, makeStrategy, maxIo });
    const sysfs = `/sys/block/ublkb${server.id}/queue`;
    const maxSectors = readFileSync(`${sysfs}/max_hw_sectors_kb`, 'utf8').trim();
    t.equal(maxSectors, '64', 'max_hw_sectors_kb of the device');
    const bytes = pattern(MIB, 17);
    const first = requests.length;
    await client.put(0, bytes);
    t.bytes(await client.get(0, MIB), bytes, 'bytes read back');
    const sizes = requests.slice(first).map(({ length }) => length);
    t.ok(
      sizes.every((length) => length <= maxIo),
      `each request has at most ${maxIo} bytes, not ${sizes}`,
    );
    t.ok(sizes.length >= 32, `2 MiB take 32 requests or more, not ${sizes.length}`);
  });

  test('64 writes in flight complete on a queue with two tags', async (t) => {
    const target = dataPath.scratch(t, MIB);
    const { client } = await startServer(t, { ...pathOptions(dataPath), target, depth: 2 });
    const memory = ioMemory(t, 64 * 4096, 6);
    const writes = Array.from({ length: 64 }, (_, index) => {
      const part = { address: memory.address + BigInt(index * 4096), length: 4096 };
      // Gaps between the writes: none is merged, so each needs a tag.
      return client.transfer('WRITE', part, index * 8192);
    });
    for (const [index, { res }] of (await Promise.all(writes)).entries())
      t.equal(res, 4096, `CQE res of write ${index}`);
    for (let index = 0; index < 64; index++)
      t.bytes(
        await client.get(index * 8192, 4096),
        memory.bytes.subarray(index * 4096, (index + 1) * 4096),
        `bytes of write ${index}`,
      );
  });
}

function queueTests(dataPath: DataPath): void {
  const { flags } = dataPath;
  test('with two queues, the requests of each CPU go to its queue only', async (t) => {
    const { requests, makeStrategy } = recorded(dataPath);
    const target = dataPath.scratch(t, 4 * MIB);
    const { client, server } = await startServer(t, { target, flags, makeStrategy, queues: 2 });
    const cpus = Number(t.lab.cell.facts.vcpus);
    t.equal(server.queues.length, Math.min(2, cpus), 'queues of the device, at most one per CPU');
    if (cpus < 2) t.skip('the guest has one CPU');

    const first = requests.length;
    // busybox's dd reads on the CPU that taskset sets; CPU 0 reads the first MiB, CPU 1 the second.
    for (const cpu of [0, 1]) {
      const mask = (1 << cpu).toString(16);
      const input = [`if=${server.path}`, 'of=/dev/null', 'bs=64k', 'count=4', `skip=${cpu * 16}`];
      await runCommand(t, 'taskset', mask, 'dd', ...input);
    }
    const reads = requests.slice(first);
    for (const queue of [0, 1]) {
      const offsets = reads.filter((request) => request.queue === queue).map(({ offset }) => offset);
      t.ok(offsets.length > 0, `queue ${queue} has requests`);
      t.ok(
        offsets.every((offset) => Math.floor(offset / MIB) === queue),
        `each request of queue ${queue} is in MiB ${queue} of the device, at ${offsets}`,
      );
    }
    const bytes = pattern(MIB, 9);
    await client.put(3 * MIB, bytes);
    t.bytes(await client.get(3 * MIB, MIB), bytes, 'bytes read back');
  });
}

function flushTests(dataPath: DataPath): void {
  const { flags } = dataPath;
  test('an RWF_DSYNC write reaches the server with FUA, and an fsync as a flush', async (t) => {
    const { requests, makeStrategy } = recorded(dataPath);
    const { client } = await startServer(t, { target: dataPath.scratch(t, MIB), flags, makeStrategy });
    const first = requests.length;
    await client.put(0, pattern(4096, 1));
    await client.put(8192, pattern(4096, 2), t.uapi.constant('RWF_DSYNC'));
    t.equal((await client.fsync()).res, 0, 'CQE res of the fsync');
    t.same(
      requests.slice(first).map(({ kind, fua, offset, length }) => ({ kind, fua, offset, length })),
      [
        { kind: 'write', fua: false, offset: 0, length: 4096 },
        { kind: 'write', fua: true, offset: 8192, length: 4096 },
        { kind: 'flush', fua: false, offset: 0, length: 0 },
      ],
      'requests to the server',
    );
  });

  test('a device without a volatile cache receives neither FUA nor flushes', async (t) => {
    const { requests, makeStrategy } = recorded(dataPath);
    const target = dataPath.scratch(t, MIB);
    const { client } = await startServer(t, { target, flags, makeStrategy, attributes: [] });
    const first = requests.length;
    await client.put(0, pattern(4096, 1), t.uapi.constant('RWF_DSYNC'));
    t.equal((await client.fsync()).res, 0, 'CQE res of the fsync');
    t.same(
      requests.slice(first).map(({ kind, fua }) => ({ kind, fua })),
      [{ kind: 'write', fua: false }],
      'requests to the server',
    );
  });
}
