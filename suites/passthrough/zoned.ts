import { fillPattern, ioMemory, nvme, suite, type Test, test } from '../lib/index.ts';
import { type Bench, onMedium, setUp, untilOverflown } from './setup.ts';

const { Status } = nvme;
const FINISH = 2;
const OPEN = 3;
const RESET = 4;
const [EMPTY, IMPLICITLY_OPEN, EXPLICITLY_OPEN, FULL] = [1, 2, 3, 14];
const BLOCKS = 8;

let nextZone = 0;

async function reportFrom(t: Test, { device, char, ring }: Bench, lba: bigint, count: number) {
  const memory = ioMemory(t, 64 * (count + 1));
  const cqe = await ring.execute({ fd: char.fd, command: nvme.zoneReport(device, lba, memory) });
  t.equal(cqe.res, 0, 'zone report');
  // The header counts all zones from there on, the memory holds the first of them.
  memory.view.setBigUint64(0, BigInt(count), true);
  return nvme.zonesOf(memory);
}

/** An empty zone that no test before it has used, as far as there are enough. */
async function emptyZone(t: Test, bench: Bench) {
  const { device, char, ring } = bench;
  const [first] = await reportFrom(t, bench, 0n, 1);
  if (!first) throw new Error('no zone');
  const size = first.capacity;
  const count = BigInt(device.blocks) / size;
  const start = (BigInt(nextZone++) % count) * size;
  t.equal(
    (await ring.execute({ fd: char.fd, command: nvme.zoneSend(device, start, RESET) })).res,
    0,
    'reset',
  );
  const zone = async () => (await reportFrom(t, bench, start, 1))[0];
  t.same(await zone(), { start, capacity: size, writePointer: start, state: EMPTY });
  return { start, size, zone };
}

suite('a zoned namespace', { devices: ['zoned'] }, () => {
  test('zone append says in the big CQE where each went', async (t) => {
    const bench = setUp(t, {}, 'zoned');
    const { device, char, ring } = bench;
    const { start, zone } = await emptyZone(t, bench);
    const count = 32;
    const parts = Array.from({ length: count }, (_, index) =>
      ioMemory(t, BLOCKS * device.blockSize, 600 + index),
    );
    parts.forEach((memory, userData) => {
      const command = nvme.zoneAppend(device, { lba: start, blocks: BLOCKS }, memory);
      ring.passthrough({ fd: char.fd, command, userData });
    });
    const cqes = await ring.complete();
    t.same(
      cqes.map(({ res, big }) => [res, big[1]]),
      Array(count).fill([0, 0n]),
    );
    const places = cqes.map(({ big }) => big[0]);
    t.same(
      [...places].sort((a, b) => Number(a - b)),
      parts.map((_, index) => start + BigInt(index * BLOCKS)),
      'each place once',
    );
    cqes.forEach(({ tag, big: [lba] }) => {
      t.bytes(
        onMedium(t, device, { lba, blocks: BLOCKS }),
        parts[tag]?.bytes ?? new Uint8Array(),
        `append ${tag}`,
      );
    });
    t.equal((await zone())?.state, IMPLICITLY_OPEN, 'state');
    t.equal((await zone())?.writePointer, start + BigInt(count * BLOCKS), 'write pointer');
  });

  test('places of zone appends survive CQ overflow', async (t) => {
    const bench = setUp(t, { entries: 16, cqEntries: 16 }, 'zoned');
    const { device, char, ring } = bench;
    const { start } = await emptyZone(t, bench);
    const memory = ioMemory(t, device.blockSize, 640);
    const total = 80;
    for (let tag = 0; tag < total; tag++) {
      const command = nvme.zoneAppend(device, { lba: start, blocks: 1 }, memory);
      ring.passthrough({ fd: char.fd, command, userData: tag });
      if (tag % 16 === 15) t.equal(ring.submit(), 16);
    }
    untilOverflown(t, ring);
    const cqes = await ring.wait(total);
    t.same(
      cqes.map(({ big }) => big[0]).sort((a, b) => Number(a - b)),
      Array.from({ length: total }, (_, index) => start + BigInt(index)),
      'each place once',
    );
  });

  test('a place beyond 2^32 blocks comes whole', { devices: ['zoned-far'] }, async (t) => {
    const bench = setUp(t, {}, 'zoned-far');
    const { device, char, ring } = bench;
    const [first] = await reportFrom(t, bench, 0n, 1);
    const start = 6n * (first?.capacity ?? 0n);
    t.ok(start > 1n << 32n, 'the namespace is too small to see anything');
    const memory = ioMemory(t, BLOCKS * device.blockSize, 645);
    const pointer = (await reportFrom(t, bench, start, 1))[0]?.writePointer;
    const command = nvme.zoneAppend(device, { lba: start, blocks: BLOCKS }, memory);
    const cqe = await ring.execute({ fd: char.fd, command });
    t.same([cqe.res, ...cqe.big], [0, pointer, 0n]);
    const read = ioMemory(t, memory.length);
    const where = { lba: cqe.big[0], blocks: BLOCKS };
    t.equal((await bench.io('read', where, read)).res, 0);
    t.bytes(read.bytes, memory.bytes);
  });

  test('a write has to be at the write pointer: Zone Invalid Write', async (t) => {
    const bench = setUp(t, {}, 'zoned');
    const { device, char, ring, io } = bench;
    const { start } = await emptyZone(t, bench);
    const memory = ioMemory(t, BLOCKS * device.blockSize, 650);
    const at = (lba: bigint) => ({ lba, blocks: BLOCKS });
    t.equal(
      nvme.statusCode((await io('write', at(start + 8n), memory)).res),
      Status.zoneInvalidWrite,
      'ahead',
    );
    const cqe = await io('write', at(start), memory);
    t.same([cqe.res, ...cqe.big], [0, 0n, 0n], 'a write gives no place');
    t.equal(nvme.statusCode((await io('write', at(start), memory)).res), Status.zoneInvalidWrite, 'behind');
    t.equal((await io('write', at(start + 8n), memory)).res, 0, 'at the pointer');
    const inside = nvme.zoneAppend(device, at(start + 8n), memory);
    const misplaced = await ring.execute({ fd: char.fd, command: inside });
    t.equal(nvme.statusCode(misplaced.res), Status.invalidField, 'append to a block that begins no zone');
  });

  test('a full zone and its last blocks: Zone Is Full, Zone Boundary Error', async (t) => {
    const bench = setUp(t, {}, 'zoned');
    const { device, char, ring } = bench;
    const { start, size, zone } = await emptyZone(t, bench);
    const chunk = 64;
    const memory = ioMemory(t, chunk * device.blockSize);
    fillPattern(memory.bytes, 660);
    const append = async (blocks: number) => {
      const command = nvme.zoneAppend(device, { lba: start, blocks }, memory);
      return ring.execute({ fd: char.fd, command });
    };
    for (let filled = 0; filled < Number(size) - chunk; filled += chunk)
      t.equal((await append(chunk)).res, 0);
    t.equal((await append(chunk - 4)).res, 0, 'all but four blocks');
    t.equal(nvme.statusCode((await append(5)).res), Status.zoneBoundary, 'one block too many');
    t.same((await append(4)).big, [start + size - 4n, 0n], 'the last four');
    t.equal((await zone())?.state, FULL, 'state');
    t.equal(nvme.statusCode((await append(1)).res), Status.zoneFull, 'into a full zone');
  });

  test('zones are opened, finished and reset through the character device', async (t) => {
    const bench = setUp(t, {}, 'zoned');
    const { device, char, ring } = bench;
    const { start, zone } = await emptyZone(t, bench);
    const send = async (action: number) =>
      (await ring.execute({ fd: char.fd, command: nvme.zoneSend(device, start, action) })).res;
    t.equal(await send(OPEN), 0);
    t.equal((await zone())?.state, EXPLICITLY_OPEN, 'opened');
    t.equal(await send(FINISH), 0);
    t.equal((await zone())?.state, FULL, 'finished');
    t.equal(await send(RESET), 0);
    t.equal((await zone())?.state, EMPTY, 'reset');
  });

  test('a namespace without zones knows no zone append: Invalid Command Opcode', async (t) => {
    const { device, char, ring } = setUp(t);
    const command = nvme.zoneAppend(device, { lba: 0, blocks: 1 }, ioMemory(t, 4096));
    t.equal((await ring.execute({ fd: char.fd, command })).res, Status.invalidOpcode | Status.dnr);
  });
});
