import { type Cqe, ioMemory, Memory, nvme, suite, type Test, test, throttled } from '../lib/index.ts';
import { allocateBlocks, PAGE, readBlockDevice, setUp } from './setup.ts';

/** A struct __kernel_timespec of `ms`, released at the end of the test. */
function timespecOf(t: Test, ms: number): Memory {
  const timespec = t.use(new Memory(16));
  timespec.view.setBigInt64(0, BigInt(Math.floor(ms / 1000)), true);
  timespec.view.setBigInt64(8, BigInt(ms % 1000) * 1_000_000n, true);
  return timespec;
}

suite('timeouts', { devices: ['data'] }, () => {
  test('a timeout with a completion count of 3 counts each big CQE once', async (t) => {
    const { device, char, ring } = setUp(t);
    const timespec = timespecOf(t, 20_000);
    const timeout = { opcode: 'IORING_OP_TIMEOUT', addr: timespec.address, len: 1, off: 3, userData: 100 };
    ring.sqe(timeout);
    t.equal(ring.submit(), 1, 'SQEs submitted with the timeout');
    for (let round = 1; round <= 3; round++) {
      const fired = ring.reap().filter(({ tag }) => tag === 100);
      t.equal(fired.length, 0, `CQEs of the timeout before flush ${round}`);
      ring.passthrough({ fd: char.fd, command: nvme.flush(device), userData: round });
      t.equal(ring.submit(), 1, `SQEs submitted with flush ${round}`);
      const cqes = await ring.wait(round === 3 ? 2 : 1);
      t.same(
        cqes.map(({ tag, res }) => [tag, res]).sort(([a = 0], [b = 0]) => a - b),
        round === 3
          ? [
              [3, 0],
              [100, 0],
            ]
          : [[round, 0]],
        `tag and res of the CQEs after flush ${round}`,
      );
    }
  });

  test('a linked timeout of a command in flight fails with ENOENT, and the command completes', async (t) => {
    const { device, char, ring } = setUp(t);
    const memory = ioMemory(t, 5 * PAGE);
    const span = { lba: 0, blocks: device.blocksOf(PAGE) };
    const read = (index: number) => nvme.transfer('read', device, span, memory, { offset: index * PAGE });
    const { lift } = await throttled(t, device, 1);
    // These use up the burst that the throttle allows, so that the linked read is slow.
    for (let index = 0; index < 4; index++)
      ring.passthrough({ fd: char.fd, command: read(index), userData: index });
    ring.passthrough({ fd: char.fd, command: read(4), userData: 10, flags: ['IOSQE_IO_LINK'] });
    const timespec = timespecOf(t, 20);
    ring.sqe({ opcode: 'IORING_OP_LINK_TIMEOUT', addr: timespec.address, len: 1, userData: 11 });
    t.equal(ring.submit(), 6, 'SQEs submitted');
    const cqes: Cqe[] = [];
    while (!cqes.some(({ tag }) => tag === 11)) cqes.push(...(await ring.wait(1)));
    t.ok(cqes.length < 6, `the timeout completes before all reads (${cqes.length} CQEs so far)`);
    await lift();
    cqes.push(...(await ring.wait(6 - cqes.length)));
    t.same(
      cqes.filter(({ tag }) => tag <= 10).map(({ res }) => res),
      Array(5).fill(0),
      'CQE res of the 5 reads',
    );
    const timeout = cqes.find(({ tag }) => tag === 11) ?? { res: 0 };
    t.errno(timeout, 'ENOENT', 'CQE res of the linked timeout');
  });

  test('a command that exceeds its timeout_ms completes with EINTR, and the device keeps working', async (t) => {
    const fixture = setUp(t);
    const { device, char, ring } = fixture;
    const memory = ioMemory(t, 8 * PAGE);
    const first = { lba: 0, blocks: device.blocksOf(PAGE) };
    const { lift } = await throttled(t, device, 1);
    for (let index = 0; index < 8; index++) {
      const command = nvme.transfer('read', device, first, memory, { offset: index * PAGE });
      ring.passthrough({ fd: char.fd, command: { ...command, timeoutMs: 300 }, userData: index });
    }
    t.equal(ring.submit(), 8, 'SQEs submitted');
    let completed: Cqe[] | undefined;
    const waiting = ring.wait(8, { timeoutMs: 25_000 }).then((cqes) => {
      completed = cqes;
    });
    // The emulated controller resets only after the I/O that it has begun. Once the driver has given up on a command and the
    // controller has left "live", the throttle would only delay that.
    const live = () => device.controllers.every((controller) => controller.state() === 'live');
    while (!completed && !t.signal.aborted && live()) await new Promise((resolve) => setImmediate(resolve));
    await lift();
    await waiting;
    const cqes = completed ?? [];
    const timedOut = cqes.filter(({ res }) => res !== 0);
    t.note(`${timedOut.length} of ${cqes.length} commands timed out`);
    t.ok(timedOut.length > 0, 'at least one command times out');
    // nvme_uring_cmd_end_io(): a command that the driver cancelled completes with -EINTR whatever status it has.
    for (const cqe of timedOut) t.errno(cqe, 'EINTR', `CQE res of timed-out command ${cqe.tag}`);
    const span = allocateBlocks(device, device.blocksOf(PAGE));
    const source = ioMemory(t, span.blocks * device.blockSize, 900);
    t.equal((await fixture.io('write', span, source)).res, 0, 'CQE res of a write after the timeout');
    t.bytes(readBlockDevice(t, device, span), source.bytes, 'blocks written after the timeout');
  });
});
