import { readFileSync } from 'node:fs';
import { File, ioMemory, nvme, startChild, suite, test, throttled } from '../lib/index.ts';
import { checkPolledIdentify } from './admin-polled.ts';
import { allocateBlocks, PAGE, READ_WRITE, readBlockDevice, setUp, writeBlockDevice } from './setup.ts';

const POLLED = { flags: ['IORING_SETUP_IOPOLL'] };

/** Interrupts that the NVMe I/O queues have raised since boot. */
function ioInterrupts(): number {
  const lines = readFileSync('/proc/interrupts', 'utf8').split('\n');
  const counts = lines
    .filter((line) => /nvme\d+q[1-9]/.test(line))
    .flatMap((line) => line.trim().split(/\s+/).slice(1))
    .filter((word) => /^\d+$/.test(word));
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

suite('polled completion', { devices: ['data'], facts: { pollQueues: true } }, () => {
  test('polled commands complete with their data and results, and raise no interrupt', async (t) => {
    const { device, char, ring } = setUp(t, { ...POLLED, entries: 128 });
    const blocks = device.blocksOf(PAGE);
    const span = allocateBlocks(device, 128 * blocks);
    const source = ioMemory(t, span.blocks * device.blockSize, 700);
    const target = ioMemory(t, source.length);
    const before = ioInterrupts();
    for (const [kind, memory] of [
      ['write', source],
      ['read', target],
    ] as const) {
      for (let index = 0; index < 128; index++) {
        const part = { lba: Number(span.lba) + index * blocks, blocks };
        const command = nvme.transfer(kind, device, part, memory, {
          offset: index * blocks * device.blockSize,
        });
        ring.passthrough({ fd: char.fd, command, userData: index });
      }
      t.same(
        (await ring.complete()).map(({ tag, res, big }) => [tag, res, ...big]),
        Array.from({ length: 128 }, (_, index) => [index, 0, 0n, 0n]),
        `tag, res and extra words of each polled ${kind}`,
      );
    }
    t.equal(ioInterrupts() - before, 0, 'interrupts of the I/O queues');
    t.bytes(target.bytes, source.bytes, 'memory after the polled reads');
    t.bytes(readBlockDevice(t, device, span), source.bytes, 'blocks after the polled writes');
  });

  test('commands on a ring without IOPOLL raise interrupts', async (t) => {
    const { device, io } = setUp(t);
    const before = ioInterrupts();
    for (let round = 0; round < 8; round++) {
      const { res } = await io('read', { lba: 0, blocks: 1 }, ioMemory(t, device.blockSize));
      t.equal(res, 0, `CQE res of read ${round}`);
    }
    t.ok(ioInterrupts() > before, 'the interrupt count of the I/O queues increases');
  });

  test('a command on a polled ring does not complete before the ring is polled', async (t) => {
    const { device, char, ring } = setUp(t, POLLED);
    const interruptDriven = setUp(t);
    ring.passthrough({ fd: char.fd, command: nvme.flush(device) });
    t.equal(ring.submit(), 1, 'SQEs submitted');
    // Commands of another ring give the device time to finish the flush.
    for (let round = 0; round < 20; round++) {
      const memory = ioMemory(t, device.blockSize);
      const { res } = await interruptDriven.io('read', { lba: 0, blocks: 1 }, memory);
      t.equal(res, 0, `CQE res of read ${round} on the other ring`);
    }
    t.equal(ring.reap().length, 0, 'CQEs before the ring is polled');
    t.equal((await ring.wait(1))[0]?.res, 0, 'CQE res of the flush once the ring is polled');
  });

  test('failed commands on a polled ring complete with their NVMe status or errno', async (t) => {
    const { device, char, ring } = setUp(t, POLLED);
    const { invalidOpcode, lbaOutOfRange, dnr } = nvme.Status;
    const command = { opcode: 0xc0, nsid: device.nsid };
    const unsupported = await ring.execute({ fd: char.fd, command });
    t.equal(unsupported.res, invalidOpcode | dnr, 'CQE res of an unsupported opcode');
    const pastEnd = nvme.transfer(
      'read',
      device,
      { lba: device.blocks, blocks: 1 },
      ioMemory(t, device.blockSize),
    );
    const outOfRange = await ring.execute({ fd: char.fd, command: pastEnd });
    t.equal(outOfRange.res, lbaOutOfRange | dnr, 'CQE res of a read past the last block');
    const refused = await ring.execute({ fd: char.fd, command: { ...command, flags: 1 } });
    t.errno(refused, 'EINVAL', 'CQE res of a command with NVMe command flags');
  });

  test('an admin command on a polled ring of a device with poll queues fails with EOPNOTSUPP, and succeeds since Linux 7.1', async (t) => {
    const { device, ring } = setUp(t, POLLED);
    const controller = t.use(new File(device.controllers[0]?.path ?? '', READ_WRITE));
    await checkPolledIdentify(t, ring, controller);
  });

  test('a read into a registered buffer completes on a polled ring', async (t) => {
    const { device, char, ring } = setUp(t, POLLED);
    const span = allocateBlocks(device, device.atMost(16));
    const source = ioMemory(t, span.blocks * device.blockSize, 720);
    writeBlockDevice(t, device, span, source);
    const target = ioMemory(t, source.length);
    ring.registerBuffers([target]);
    const command = nvme.transfer('read', device, span, target);
    const { res } = await ring.execute({ fd: char.fd, command, bufIndex: 0 });
    t.equal(res, 0, 'CQE res of the read into the registered buffer');
    t.bytes(target.bytes, source.bytes, 'the registered buffer after the read');
  });

  test('after a polled ring is closed and a polling process killed with commands in flight the device works', async (t) => {
    if (!t.uapi.since('6.5'))
      t.skip(
        'before Linux 6.5 (9408d8a37e6c, "nvme: improved uring polling") a completed command may still be polled through its freed bio, which crashes the guest',
      );
    const { device, char, io } = setUp(t);
    const { lift } = await throttled(t, device, 20);
    const memory = ioMemory(t, 8 * PAGE);
    const first = { lba: 0, blocks: device.blocksOf(PAGE) };
    const commands = Array.from({ length: 8 }, (_, index) => ({
      fd: char.fd,
      command: nvme.transfer('read', device, first, memory, { offset: index * PAGE }),
    }));
    const child = startChild(t, { ...POLLED, commands });
    t.equal(await child.submitted(), 8, 'SQEs that the child submitted');
    child.kill();
    const polled = setUp(t, POLLED);
    for (const pass of commands) polled.ring.passthrough(pass);
    t.equal(polled.ring.submit(), 8, 'SQEs submitted to the ring that is closed');
    polled.ring.close();
    await lift();
    t.same(await child.wait(), { signal: 9 }, 'exit status of the child');
    const span = allocateBlocks(device, device.blocksOf(PAGE));
    const written = ioMemory(t, span.blocks * device.blockSize, 730);
    t.equal((await io('write', span, written)).res, 0, 'CQE res of a write afterwards');
    t.bytes(readBlockDevice(t, device, span), written.bytes, 'blocks written afterwards');
  });
});
