import { type Cqe, ioMemory, Memory, nvme, suite, type Test, test, throttled } from '../lib/index.ts';
import { area, onMedium, setUp } from './setup.ts';

function timespec(t: Test, ms: number): Memory {
  const span = t.use(new Memory(16));
  span.view.setBigInt64(0, BigInt(Math.floor(ms / 1000)), true);
  span.view.setBigInt64(8, BigInt(ms % 1000) * 1_000_000n, true);
  return span;
}

suite('timeouts', { devices: ['data'] }, () => {
  test('a timeout that counts completions counts big ones once', async (t) => {
    const { device, char, ring } = setUp(t);
    const span = timespec(t, 20_000);
    const timeout = { opcode: 'IORING_OP_TIMEOUT', addr: span.address, len: 1, off: 3, userData: 100 };
    ring.sqe(timeout);
    t.equal(ring.submit(), 1);
    for (let round = 1; round <= 3; round++) {
      t.equal(ring.reap().filter(({ tag }) => tag === 100).length, 0, `fired before completion ${round}`);
      ring.passthrough({ fd: char.fd, command: nvme.flush(device), userData: round });
      t.equal(ring.submit(), 1);
      const cqes = await ring.wait(round === 3 ? 2 : 1);
      t.same(
        cqes.map(({ tag, res }) => [tag, res]).sort(([a = 0], [b = 0]) => a - b),
        round === 3
          ? [
              [3, 0],
              [100, 0],
            ]
          : [[round, 0]],
      );
    }
  });

  test('a linked timeout cannot take a command from the device: it waits for it', async (t) => {
    const { device, char, ring } = setUp(t);
    const memory = ioMemory(t, 5 * 4096);
    const read = (index: number) =>
      nvme.transfer('read', device, { lba: 0, blocks: 8 }, memory, { offset: index * 4096 });
    await throttled(t, device, 10);
    // The first ones use up what the throttle lets through at once.
    for (let index = 0; index < 4; index++)
      ring.passthrough({ fd: char.fd, command: read(index), userData: index });
    ring.passthrough({ fd: char.fd, command: read(4), userData: 10, flags: ['IOSQE_IO_LINK'] });
    const span = timespec(t, 20);
    ring.sqe({ opcode: 'IORING_OP_LINK_TIMEOUT', addr: span.address, len: 1, userData: 11 });
    t.equal(ring.submit(), 6);
    const cqes = await ring.wait(6);
    t.same(
      cqes.filter(({ tag }) => tag <= 10).map(({ res }) => res),
      Array(5).fill(0),
    );
    t.errno(
      cqes.find(({ tag }) => tag === 11) ?? { res: 0 },
      'ENOENT',
      'the timeout found nothing to cancel',
    );
  });

  test('a command that outlives its own timeout_ms is ended by the driver, and the device goes on', async (t) => {
    const bench = setUp(t);
    const { device, char, ring } = bench;
    const memory = ioMemory(t, 16 * 4096);
    const { lift } = await throttled(t, device, 1);
    for (let index = 0; index < 8; index++) {
      const command = nvme.transfer('read', device, { lba: 0, blocks: 8 }, memory, { offset: index * 4096 });
      ring.passthrough({ fd: char.fd, command: { ...command, timeoutMs: 300 }, userData: index });
    }
    t.equal(ring.submit(), 8);
    let all: Cqe[] | undefined;
    const waiting = ring.wait(8, { timeoutMs: 25_000 }).then((cqes) => {
      all = cqes;
    });
    // Once the driver has given up on one the others need not crawl: a device is reset when it has done what it had begun.
    const live = () => device.controllers.every((controller) => controller.state() === 'live');
    while (!all && !t.signal.aborted && live()) await new Promise((resolve) => setImmediate(resolve));
    await lift();
    await waiting;
    const cqes = all ?? [];
    const ended = cqes.filter(({ res }) => res !== 0);
    t.note(`${ended.length} of ${cqes.length} were ended`);
    t.ok(ended.length > 0, 'no command was ended');
    // nvme_uring_cmd_end_io(): what the driver takes back from the device says so, whatever status it was given.
    for (const cqe of ended) t.errno(cqe, 'EINTR');
    const where = area(device, 8);
    const written = ioMemory(t, where.blocks * device.blockSize, 900);
    t.equal((await bench.io('write', where, written)).res, 0, 'a write afterwards');
    t.bytes(onMedium(t, device, where), written.bytes);
  });
});
