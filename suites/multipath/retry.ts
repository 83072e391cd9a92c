import { fillPattern, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { area, eachPathFaulty, failOnce, onMedium, putOnMedium, SHARED, setUp } from './setup.ts';

const { hostPathError } = nvme.Status;
/** Path related status: internal, ANA persistent loss, inaccessible, transition, controller, host, aborted by host. */
const PATH_ERRORS = [0x300, 0x301, 0x302, 0x303, 0x360, 0x370, 0x371];

suite('a path error', { devices: [SHARED] }, () => {
  test('a read that fails on one path is done on the other', async (t) => {
    const bench = await setUp(t);
    const { device, io } = bench;
    const where = area(device, 64);
    const source = ioMemory(t, where.blocks * device.blockSize, 20);
    putOnMedium(t, device, where, source);
    await eachPathFaulty(t, bench, hostPathError, async () => {
      const memory = ioMemory(t, source.length, 21);
      const cqe = await io('read', where, memory);
      t.equal(cqe.res, 0, 'the result of the read');
      t.same(cqe.big, [0n, 0n], 'extra words');
      t.bytes(memory.bytes, source.bytes);
    });
  });

  test('a write that fails on one path is done on the other', async (t) => {
    const bench = await setUp(t);
    const { device, io } = bench;
    const where = area(device, 64);
    const memory = ioMemory(t, where.blocks * device.blockSize);
    await eachPathFaulty(t, bench, hostPathError, async ({ name }) => {
      fillPattern(memory.bytes, name.charCodeAt(4));
      t.equal((await io('write', where, memory)).res, 0, 'the result of the write');
    });
    t.bytes(onMedium(t, device, where), memory.bytes);
  });

  test('every path related status makes a command change paths', async (t) => {
    const bench = await setUp(t);
    const { device, io } = bench;
    const where = area(device, 8);
    const memory = ioMemory(t, where.blocks * device.blockSize, 40);
    const results: string[] = [];
    for (const status of PATH_ERRORS)
      await eachPathFaulty(t, bench, status, async () => {
        const { res } = await io('write', where, memory);
        if (res !== 0) results.push(`0x${status.toString(16)}: ${res}`);
      });
    t.same(results, [], 'statuses that came back to the user');
  });

  test('an error on each path in turn: the third attempt counts', async (t) => {
    const bench = await setUp(t);
    const { device, io } = bench;
    const where = area(device, 16);
    const source = ioMemory(t, where.blocks * device.blockSize, 50);
    putOnMedium(t, device, where, source);
    const faults = failOnce(t, bench, hostPathError);
    const memory = ioMemory(t, source.length);
    t.equal((await io('read', where, memory)).res, 0);
    t.same(
      faults.map(({ left }) => left),
      [0, 0],
      'faults that the command did not meet',
    );
    t.bytes(memory.bytes, source.bytes);
  });

  test('a command without data changes paths too', async (t) => {
    const bench = await setUp(t);
    const { device, char, ring } = bench;
    await eachPathFaulty(t, bench, hostPathError, async () => {
      t.equal((await ring.execute({ fd: char.fd, command: nvme.flush(device) })).res, 0, 'flush');
    });
    const where = area(device, 8);
    putOnMedium(t, device, where, ioMemory(t, where.blocks * device.blockSize, 51));
    await eachPathFaulty(t, bench, hostPathError, async () => {
      const command = nvme.writeZeroes(device, where);
      t.equal((await ring.execute({ fd: char.fd, command })).res, 0, 'write zeroes');
    });
    t.bytes(onMedium(t, device, where), new Uint8Array(where.blocks * device.blockSize), 'zeroes');
  });

  test('64 commands that fail at once all change paths, and none is lost or doubled', async (t) => {
    const bench = await setUp(t);
    const { device, char, ring } = bench;
    const where = area(device, 64 * 8);
    const source = ioMemory(t, where.blocks * device.blockSize, 60);
    putOnMedium(t, device, where, source);
    const target = ioMemory(t, source.length);
    await eachPathFaulty(t, bench, hostPathError, async () => {
      fillPattern(target.bytes, 61);
      for (let index = 0; index < 64; index++) {
        const part = { lba: Number(where.lba) + index * 8, blocks: 8 };
        const offset = index * 8 * device.blockSize;
        const command = nvme.transfer('read', device, part, target, { offset });
        ring.passthrough({ fd: char.fd, command, userData: index });
      }
      t.same(
        (await ring.complete()).map(({ res, tag }) => [tag, res]),
        Array.from({ length: 64 }, (_, index) => [index, 0]),
      );
      t.equal(ring.reap().length, 0, 'completions too many');
      t.bytes(target.bytes, source.bytes);
    });
  });
});
