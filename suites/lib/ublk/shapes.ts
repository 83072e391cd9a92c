import { readFileSync } from 'node:fs';
import { ioMemory, numbers, pattern, suite, type Test, test } from '../index.ts';
import { elsewhere } from './client.ts';
import type { BlockRequest } from './request.ts';
import { MIB, served } from './setup.ts';
import type { Answering } from './strategy.ts';
import { eachTarget, how, type Way } from './way.ts';

/** A way's answers, and all requests that it has answered. */
function recorded(way: Way): { requests: BlockRequest[]; answering: Answering } {
  const requests: BlockRequest[] = [];
  const answering: Answering = (target, uapi) => {
    const answer = way.answering(target, uapi);
    return (request, port) => {
      requests.push(request);
      return answer(request, port);
    };
  };
  return { requests, answering };
}

/** Pieces of memory, each in a page of its own and at an odd place in it, that are `length` bytes together. */
function scattered(t: Test, length: number, piece: number, seed: number) {
  const memory = ioMemory(t, (length / piece) * 4096);
  const below = numbers(seed);
  const parts = Array.from({ length: length / piece }, (_, index) => {
    const at = index * 4096 + 512 * below(1 + (4096 - piece) / 512);
    return {
      address: memory.address + BigInt(at),
      length: piece,
      bytes: memory.bytes.subarray(at, at + piece),
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

/** How the kernel cuts and joins what it is asked for. */
export function shapeTests(way: Way): void {
  suite('shapes of requests', way.needs, () => tests(way));
}

function tests(way: Way): void {
  for (const [piece, count] of [
    [512, 64],
    [512, 256],
    [2048, 200],
    [4096, 256],
  ] as const)
    eachTarget(way, `vectored transfers of ${count} segments of ${piece} bytes`, async (t, target) => {
      const length = piece * count;
      const { requests, answering } = recorded(way);
      const { client } = await served(t, { target: target(4 * MIB), flags: way.flags, answering });
      const bytes = pattern(length, count);
      const out = scattered(t, length, piece, 3);
      out.set(bytes);
      const [offset, from] = [MIB + 512, requests.length];
      t.equal((await client.vectored('WRITE', out.parts, offset)).res, length);
      t.bytes(await client.get(offset, length), bytes, 'what was written');
      const back = scattered(t, length, piece, 4);
      t.equal((await client.vectored('READ', back.parts, offset)).res, length);
      t.bytes(back.get(), bytes, 'what was read');
      const total = requests.slice(from).reduce((sum, request) => sum + request.length, 0);
      t.equal(total, 3 * length, 'what the server was asked for');
    });

  test('neighbouring writes become one request of many bios', async (t) => {
    const { requests, answering } = recorded(way);
    const { client } = await served(t, { target: way.scratch(t, MIB), flags: way.flags, answering });
    const [count, each] = [16, 4096];
    const bytes = pattern(count * each, 7);
    const memory = ioMemory(t, bytes.length);
    memory.bytes.set(bytes);
    const part = (index: number) => ({ address: memory.address + BigInt(index * each), length: each });
    const from = requests.length;
    const together = (kind: 'READ' | 'WRITE') =>
      // Submitted together: the kernel plugs them, and merges what lies side by side.
      Promise.all(
        Array.from({ length: count }, (_, index) => client.transfer(kind, part(index), 512 + index * each)),
      );
    for (const { res } of await together('WRITE')) t.equal(res, each);
    const written = requests.slice(from);
    t.ok(
      written.some(({ length }) => length > each),
      'no two of them were merged',
    );
    t.equal(
      written.reduce((sum, { length }) => sum + length, 0),
      bytes.length,
    );
    t.bytes(await client.get(512, bytes.length), bytes);
    memory.bytes.fill(0);
    for (const { res } of await together('READ')) t.equal(res, each);
    t.bytes(memory.bytes, bytes, 'what was read');
  });

  test('no request is larger than the server said', async (t) => {
    const { requests, answering } = recorded(way);
    const maxIo = 64 << 10;
    const { client, server } = await served(t, {
      target: way.scratch(t, 4 * MIB),
      flags: way.flags,
      answering,
      maxIo,
    });
    const sysfs = `/sys/block/ublkb${server.id}/queue`;
    t.equal(readFileSync(`${sysfs}/max_hw_sectors_kb`, 'utf8').trim(), '64');
    const bytes = pattern(MIB, 17);
    const from = requests.length;
    await client.put(0, bytes);
    t.bytes(await client.get(0, MIB), bytes);
    const sizes = requests.slice(from).map(({ length }) => length);
    t.ok(
      sizes.every((length) => length <= maxIo),
      `sizes ${sizes}`,
    );
    t.ok(sizes.length >= 32, `${sizes.length} requests`);
  });

  test('more requests at once than a queue has tags', async (t) => {
    const { client } = await served(t, { ...how(way), target: way.scratch(t, MIB), depth: 2 });
    const memory = ioMemory(t, 64 * 4096, 6);
    const all = Array.from({ length: 64 }, (_, index) => {
      const part = { address: memory.address + BigInt(index * 4096), length: 4096 };
      // Nothing lies beside anything else: two tags are for two of them.
      return client.transfer('WRITE', part, index * 8192);
    });
    for (const { res } of await Promise.all(all)) t.equal(res, 4096);
    for (let index = 0; index < 64; index++)
      t.bytes(
        await client.get(index * 8192, 4096),
        memory.bytes.subarray(index * 4096, (index + 1) * 4096),
        `write ${index}`,
      );
  });

  test('two queues: each CPU has its own, and their requests do not mix', async (t) => {
    const { requests, answering } = recorded(way);
    const { client, server } = await served(t, {
      target: way.scratch(t, 4 * MIB),
      flags: way.flags,
      answering,
      queues: 2,
    });
    const cpus = Number(t.lab.cell.facts.vcpus);
    t.equal(server.queues.length, Math.min(2, cpus), 'one for each CPU and no more');
    if (cpus < 2) t.skip('the guest has one CPU');

    const from = requests.length;
    // busybox's dd reads in the CPU that taskset gives it, and the queue is that CPU's.
    for (const cpu of [0, 1]) {
      const mask = (1 << cpu).toString(16);
      const input = [`if=${server.path}`, 'of=/dev/null', 'bs=64k', 'count=4', `skip=${cpu * 16}`];
      await elsewhere(t, 'taskset', mask, 'dd', ...input);
    }
    const of = (queue: number) => requests.slice(from).filter((request) => request.queue === queue);
    for (const queue of [0, 1]) t.ok(of(queue).length > 0, `queue ${queue} was not asked`);
    t.ok(
      of(0).every(({ offset }) => offset < MIB) && of(1).every(({ offset }) => offset >= MIB),
      'a request came by the other queue',
    );
    const bytes = pattern(MIB, 9);
    await client.put(3 * MIB, bytes);
    t.bytes(await client.get(3 * MIB, MIB), bytes);
  });

  test('flushes and writes that must be stable come as such', async (t) => {
    const { requests, answering } = recorded(way);
    const { client } = await served(t, { target: way.scratch(t, MIB), flags: way.flags, answering });
    const from = requests.length;
    await client.put(0, pattern(4096, 1));
    await client.put(8192, pattern(4096, 2), t.uapi.constant('RWF_DSYNC'));
    t.equal((await client.fsync()).res, 0);
    t.same(
      requests.slice(from).map(({ kind, fua, offset, length }) => ({ kind, fua, offset, length })),
      [
        { kind: 'write', fua: false, offset: 0, length: 4096 },
        { kind: 'write', fua: true, offset: 8192, length: 4096 },
        { kind: 'flush', fua: false, offset: 0, length: 0 },
      ],
    );
  });

  test('a device without a cache is asked for no flush', async (t) => {
    const { requests, answering } = recorded(way);
    const { client } = await served(t, {
      target: way.scratch(t, MIB),
      flags: way.flags,
      answering,
      attributes: [],
    });
    const from = requests.length;
    await client.put(0, pattern(4096, 1), t.uapi.constant('RWF_DSYNC'));
    t.equal((await client.fsync()).res, 0);
    t.same(
      requests.slice(from).map(({ kind, fua }) => ({ kind, fua })),
      [{ kind: 'write', fua: false }],
    );
  });
}
