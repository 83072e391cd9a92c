import { type Device, fillPattern, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { readBlockDevice, setUp, waitForOverflow } from './setup.ts';
import { emptyZone, reportZones, ZoneAction, ZoneState } from './zones.ts';

const { Status } = nvme;
/** Blocks of one append or write, unless a test says otherwise. */
const blocksOf = (device: Device) => device.atMost(8);

suite('a zoned namespace', { devices: ['zoned'] }, () => {
  test('each zone append returns the block of its data in the first extra word of the CQE', async (t) => {
    const fixture = setUp(t, {}, 'zoned');
    const { device, char, ring } = fixture;
    const { start, zone } = await emptyZone(t, fixture);
    const [count, blocks] = [32, blocksOf(device)];
    const sources = Array.from({ length: count }, (_, index) =>
      ioMemory(t, blocks * device.blockSize, 600 + index),
    );
    sources.forEach((memory, userData) => {
      const command = nvme.zoneAppend(device, { lba: start, blocks }, memory);
      ring.passthrough({ fd: char.fd, command, userData });
    });
    const cqes = await ring.complete();
    t.same(
      cqes.map(({ res, big }) => [res, big[1]]),
      Array(count).fill([0, 0n]),
      'res and second extra word of each append',
    );
    const appendedAt = cqes.map(({ big }) => big[0]);
    t.same(
      [...appendedAt].sort((a, b) => Number(a - b)),
      sources.map((_, index) => start + BigInt(index * blocks)),
      'blocks that the appends returned, sorted',
    );
    cqes.forEach(({ tag, big: [lba] }) => {
      t.bytes(
        readBlockDevice(t, device, { lba, blocks }),
        sources[tag]?.bytes ?? new Uint8Array(),
        `data of append ${tag} at block ${lba}`,
      );
    });
    t.equal((await zone())?.state, ZoneState.implicitlyOpen, 'zone state after the appends');
    t.equal((await zone())?.writePointer, start + BigInt(count * blocks), 'write pointer after the appends');
  });

  test('CQ overflow preserves the blocks that zone appends return', async (t) => {
    const fixture = setUp(t, { entries: 16, cqEntries: 16 }, 'zoned');
    const { device, char, ring } = fixture;
    const { start } = await emptyZone(t, fixture);
    const memory = ioMemory(t, device.blockSize, 640);
    const total = 80;
    for (let tag = 0; tag < total; tag++) {
      const command = nvme.zoneAppend(device, { lba: start, blocks: 1 }, memory);
      ring.passthrough({ fd: char.fd, command, userData: tag });
      if (tag % 16 === 15) t.equal(ring.submit(), 16, `SQEs submitted up to append ${tag}`);
    }
    waitForOverflow(t, ring);
    const cqes = await ring.wait(total);
    t.same(
      cqes.map(({ big }) => big[0]).sort((a, b) => Number(a - b)),
      Array.from({ length: total }, (_, index) => start + BigInt(index)),
      'blocks that the appends returned, sorted',
    );
  });

  test('a zone append beyond 2^32 blocks returns all 64 bits of its block', {
    devices: ['zoned-far'],
  }, async (t) => {
    const fixture = setUp(t, {}, 'zoned-far');
    const { device, char, ring } = fixture;
    const [first] = await reportZones(t, fixture, 0n, 1);
    const start = 6n * (first?.capacity ?? 0n);
    t.ok(start > 1n << 32n, `the seventh zone starts beyond 2^32 blocks (at ${start})`);
    const blocks = blocksOf(device);
    const memory = ioMemory(t, blocks * device.blockSize, 645);
    const writePointer = (await reportZones(t, fixture, start, 1))[0]?.writePointer;
    const command = nvme.zoneAppend(device, { lba: start, blocks }, memory);
    const cqe = await ring.execute({ fd: char.fd, command });
    t.same([cqe.res, ...cqe.big], [0, writePointer, 0n], 'res and extra words of the append');
    const target = ioMemory(t, memory.length);
    const span = { lba: cqe.big[0], blocks };
    t.equal((await fixture.io('read', span, target)).res, 0, 'CQE res of the read of the appended blocks');
    t.bytes(target.bytes, memory.bytes, 'the appended blocks');
  });

  test('a write that is not at the write pointer completes with Zone Invalid Write', async (t) => {
    const fixture = setUp(t, {}, 'zoned');
    const { device, char, ring, io } = fixture;
    const { start } = await emptyZone(t, fixture);
    const blocks = blocksOf(device);
    const second = start + BigInt(blocks);
    const memory = ioMemory(t, blocks * device.blockSize, 650);
    const at = (lba: bigint) => ({ lba, blocks });
    const ahead = await io('write', at(second), memory);
    t.equal(
      nvme.statusCode(ahead.res),
      Status.zoneInvalidWrite,
      'status code of a write past the write pointer',
    );
    const cqe = await io('write', at(start), memory);
    t.same([cqe.res, ...cqe.big], [0, 0n, 0n], 'res and extra words of a write at the write pointer');
    const behind = await io('write', at(start), memory);
    t.equal(
      nvme.statusCode(behind.res),
      Status.zoneInvalidWrite,
      'status code of a write before the write pointer',
    );
    const next = await io('write', at(second), memory);
    t.equal(next.res, 0, 'CQE res of a write at the advanced write pointer');
    const inside = nvme.zoneAppend(device, at(second), memory);
    const misplaced = await ring.execute({ fd: char.fd, command: inside });
    t.equal(
      nvme.statusCode(misplaced.res),
      Status.invalidField,
      'status code of an append to a block that does not start a zone',
    );
  });

  test('an append past the end of a zone fails with Zone Boundary Error, to a full zone with Zone Is Full', async (t) => {
    const fixture = setUp(t, {}, 'zoned');
    const { device, char, ring } = fixture;
    const { start, size, zone } = await emptyZone(t, fixture);
    const chunk = device.atMost(64);
    const rest = Math.min(4, chunk / 2);
    const memory = ioMemory(t, chunk * device.blockSize);
    fillPattern(memory.bytes, 660);
    const append = async (blocks: number) => {
      const command = nvme.zoneAppend(device, { lba: start, blocks }, memory);
      return ring.execute({ fd: char.fd, command });
    };
    for (let filled = 0; filled < Number(size) - chunk; filled += chunk)
      t.equal((await append(chunk)).res, 0, `CQE res of the append after ${filled} blocks`);
    t.equal((await append(chunk - rest)).res, 0, 'CQE res of the append up to the rest of the zone');
    const tooLong = await append(rest + 1);
    t.equal(
      nvme.statusCode(tooLong.res),
      Status.zoneBoundary,
      `status code of an append of ${rest + 1} blocks to the last ${rest}`,
    );
    t.same((await append(rest)).big, [start + size - BigInt(rest), 0n], 'extra words of the last append');
    t.equal((await zone())?.state, ZoneState.full, 'zone state after the last append');
    const toFull = await append(1);
    t.equal(nvme.statusCode(toFull.res), Status.zoneFull, 'status code of an append to the full zone');
  });

  test('zone management send opens, finishes and resets a zone', async (t) => {
    const fixture = setUp(t, {}, 'zoned');
    const { device, char, ring } = fixture;
    const { start, zone } = await emptyZone(t, fixture);
    const send = async (action: number) =>
      (await ring.execute({ fd: char.fd, command: nvme.zoneSend(device, start, action) })).res;
    t.equal(await send(ZoneAction.open), 0, 'CQE res of the open');
    t.equal((await zone())?.state, ZoneState.explicitlyOpen, 'zone state after the open');
    t.equal(await send(ZoneAction.finish), 0, 'CQE res of the finish');
    t.equal((await zone())?.state, ZoneState.full, 'zone state after the finish');
    t.equal(await send(ZoneAction.reset), 0, 'CQE res of the reset');
    t.equal((await zone())?.state, ZoneState.empty, 'zone state after the reset');
  });

  test('a zone append to a namespace without zones completes with Invalid Command Opcode', async (t) => {
    const { device, char, ring } = setUp(t);
    const command = nvme.zoneAppend(device, { lba: 0, blocks: 1 }, ioMemory(t, device.blockSize));
    const { res } = await ring.execute({ fd: char.fd, command });
    t.equal(res, Status.invalidOpcode | Status.dnr, 'CQE res of a zone append without zones');
  });
});
