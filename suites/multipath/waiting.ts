import { setTimeout as delay } from 'node:timers/promises';
import { ioMemory, iovecs, nvme, suite, test, throttled } from '../lib/index.ts';
import { holdPaths, strandSecond } from './hold.ts';
import { area, onMedium, putOnMedium, setUp, submitReads, WITH_METADATA } from './setup.ts';

const PAGE = 4096;
const COUNT = 16;
/** Long enough for a command that does not wait to come back. */
const MOMENT_MS = 300;

suite('no usable path', { devices: [WITH_METADATA] }, () => {
  test('commands wait, and are done when a path comes back', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const { device, char, ring } = bench;
    const hold = await holdPaths(t, bench);
    const where = area(device, 64);
    const memory = ioMemory(t, where.blocks * device.blockSize, 200);
    const content = memory.bytes.slice();
    for (let index = 0; index < 8; index++) {
      const part = { lba: Number(where.lba) + index * 8, blocks: 8 };
      const command = nvme.transfer('write', device, part, memory, { offset: index * 8 * device.blockSize });
      const sqe = ring.passthrough({ fd: char.fd, command, userData: index });
      t.equal(ring.submit(), 1);
      new Uint8Array(sqe.buffer, sqe.byteOffset, sqe.byteLength).fill(0xff);
    }
    await delay(MOMENT_MS);
    t.same(
      ring.reap().map(({ res }) => res),
      [],
      'completions while there is no path',
    );
    hold.release();
    const cqes = await ring.wait(8);
    t.same(
      cqes.map(({ tag, res }) => [tag, res]).sort(([a = 0], [b = 0]) => a - b),
      Array.from({ length: 8 }, (_, index) => [index, 0]),
    );
    t.bytes(onMedium(t, device, where), content, 'on the medium');
  });

  test('vectored and registered buffers wait as well', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const { device, char, ring } = bench;
    const hold = await holdPaths(t, bench);
    const where = area(device, 32);
    const length = where.blocks * device.blockSize;
    const [fixed, source] = [ioMemory(t, length), ioMemory(t, length, 210)];
    ring.registerBuffers([fixed]);
    const parts = [3, 1, 0, 2].map((page) => ({
      address: source.address + BigInt(page * PAGE),
      length: PAGE,
    }));
    const list = t.use(iovecs(parts));
    const gathered = Buffer.concat(
      [3, 1, 0, 2].map((page) => source.bytes.slice(page * PAGE, (page + 1) * PAGE)),
    );
    const write = { ...nvme.transfer('write', device, where, list), dataLength: parts.length };
    ring.passthrough({
      fd: char.fd,
      cmdOp: 'NVME_URING_CMD_IO_VEC',
      command: write,
      flags: ['IOSQE_IO_LINK'],
    });
    ring.passthrough({
      fd: char.fd,
      command: nvme.transfer('read', device, where, fixed),
      bufIndex: 0,
      userData: 1,
    });
    ring.submit();
    await delay(MOMENT_MS);
    t.same(
      ring.reap().map(({ res }) => res),
      [],
      'completions while there is no path',
    );
    hold.release();
    t.same(
      (await ring.wait(2)).map(({ tag, res }) => [tag, res]),
      [
        [0, 0],
        [1, 0],
      ],
    );
    t.bytes(fixed.bytes, gathered);
  });

  test('commands that fail on the last usable path wait with their data', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const { device, ring } = bench;
    const stranded = await strandSecond(t, bench);
    const where = area(device, COUNT * 8);
    const source = ioMemory(t, where.blocks * device.blockSize, 220);
    putOnMedium(t, device, where, source);
    const { lift } = await throttled(t, device, 4);
    const target = ioMemory(t, source.length);
    submitReads(bench, where, target);
    await stranded.pullFirst();
    await lift();
    await delay(MOMENT_MS);
    const early = ring.reap();
    t.ok(early.length < COUNT, 'all were done before the controller was gone');
    t.same(
      [...new Set(early.map(({ res }) => res))].filter((res) => res !== 0),
      [],
      'results before there is a path',
    );
    stranded.release();
    const cqes = await ring.wait(COUNT - early.length);
    t.same(
      [...early, ...cqes].map(({ tag, res }) => [tag, res]).sort(([a = 0], [b = 0]) => a - b),
      Array.from({ length: COUNT }, (_, index) => [index, 0]),
    );
    t.bytes(target.bytes, source.bytes);
  });

  test('what no path would take is refused at once', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const { device, char, ring } = bench;
    await holdPaths(t, bench);
    const command = nvme.flush(device);
    const limit = { timeoutMs: 2000 };
    const other = await ring.execute({ fd: char.fd, command: { ...command, nsid: 77 } }, limit);
    t.errno(other, 'EINVAL', 'another nsid');
    t.errno(await ring.execute({ fd: char.fd, command, cmdOp: 0 }, limit), 'ENOTTY', 'no such cmd_op');
    const flags = await ring.execute({ fd: char.fd, command: { ...command, flags: 1 } }, limit);
    t.errno(flags, 'EINVAL', 'command flags');
  });
});
