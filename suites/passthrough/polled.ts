import { readFileSync } from 'node:fs';
import { File, ioMemory, nvme, startChild, suite, test, throttled } from '../lib/index.ts';
import { area, onMedium, putOnMedium, READ_WRITE, setUp } from './setup.ts';

const POLLED = { flags: ['IORING_SETUP_IOPOLL'] };

/** Interrupts that the NVMe queues for I/O have raised so far. */
function ioInterrupts(): number {
  const lines = readFileSync('/proc/interrupts', 'utf8').split('\n');
  const counts = lines
    .filter((line) => /nvme\d+q[1-9]/.test(line))
    .flatMap((line) => line.trim().split(/\s+/).slice(1))
    .filter((word) => /^\d+$/.test(word));
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

suite('polled completion', { devices: ['data'], facts: { pollQueues: true } }, () => {
  test('polled commands carry data and results, and raise no interrupt', async (t) => {
    const { device, char, ring } = setUp(t, { ...POLLED, entries: 128 });
    const where = area(device, 128 * 8);
    const source = ioMemory(t, where.blocks * device.blockSize, 700);
    const target = ioMemory(t, source.length);
    const before = ioInterrupts();
    for (const [kind, memory] of [
      ['write', source],
      ['read', target],
    ] as const) {
      for (let index = 0; index < 128; index++) {
        const part = { lba: Number(where.lba) + index * 8, blocks: 8 };
        const command = nvme.transfer(kind, device, part, memory, { offset: index * 8 * device.blockSize });
        ring.passthrough({ fd: char.fd, command, userData: index });
      }
      t.same(
        (await ring.complete()).map(({ tag, res, big }) => [tag, res, ...big]),
        Array.from({ length: 128 }, (_, index) => [index, 0, 0n, 0n]),
        kind,
      );
    }
    t.equal(ioInterrupts() - before, 0, 'interrupts of the I/O queues');
    t.bytes(target.bytes, source.bytes);
    t.bytes(onMedium(t, device, where), source.bytes, 'the medium');
  });

  test('a ring that does not poll does raise interrupts', async (t) => {
    const { device, io } = setUp(t);
    const before = ioInterrupts();
    for (let round = 0; round < 8; round++) {
      t.equal((await io('read', { lba: 0, blocks: 8 }, ioMemory(t, 8 * device.blockSize))).res, 0);
    }
    t.ok(ioInterrupts() > before, 'the count of interrupts says nothing here');
  });

  test('nothing completes before somebody polls', async (t) => {
    const { device, char, ring } = setUp(t, POLLED);
    const other = setUp(t);
    ring.passthrough({ fd: char.fd, command: nvme.flush(device) });
    t.equal(ring.submit(), 1);
    // Time for the device to be done: commands of another ring pass through it meanwhile.
    for (let round = 0; round < 20; round++)
      t.equal((await other.io('read', { lba: 0, blocks: 8 }, ioMemory(t, 8 * device.blockSize))).res, 0);
    t.equal(ring.reap().length, 0, 'completions without a poll');
    t.equal((await ring.wait(1))[0]?.res, 0);
  });

  test('errors come back from a polled ring as they are', async (t) => {
    const { device, char, ring } = setUp(t, POLLED);
    const { invalidOpcode, lbaOutOfRange, dnr } = nvme.Status;
    const unknown = { opcode: 0xc0, nsid: device.nsid };
    t.equal((await ring.execute({ fd: char.fd, command: unknown })).res, invalidOpcode | dnr);
    const past = nvme.transfer('read', device, { lba: device.blocks, blocks: 1 }, ioMemory(t, 4096));
    t.equal((await ring.execute({ fd: char.fd, command: past })).res, lbaOutOfRange | dnr);
    t.errno(await ring.execute({ fd: char.fd, command: { ...unknown, flags: 1 } }), 'EINVAL');
  });

  test('admin commands cannot be polled: EOPNOTSUPP', async (t) => {
    const { device, ring } = setUp(t, POLLED);
    const controller = t.use(new File(device.controllers[0]?.path ?? '', READ_WRITE));
    const command = nvme.identify(nvme.Cns.controller, 0, ioMemory(t, 4096));
    t.errno(await ring.execute({ fd: controller.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN' }), 'EOPNOTSUPP');
  });

  test('registered buffers on a polled ring', async (t) => {
    const { device, char, ring } = setUp(t, POLLED);
    const where = area(device, 16);
    const source = ioMemory(t, where.blocks * device.blockSize, 720);
    putOnMedium(t, device, where, source);
    const target = ioMemory(t, source.length);
    ring.registerBuffers([target]);
    const command = nvme.transfer('read', device, where, target);
    t.equal((await ring.execute({ fd: char.fd, command, bufIndex: 0 })).res, 0);
    t.bytes(target.bytes, source.bytes);
  });

  test('a polled ring closed, and a process killed, with commands in flight', async (t) => {
    if (!t.uapi.since('6.5'))
      t.skip(
        'before Linux 6.5 (9408d8a37e6c, "nvme: improved uring polling") a command that is done may still be polled by its freed bio, which ends the guest',
      );
    const { device, char, io } = setUp(t);
    const { lift } = await throttled(t, device, 20);
    const memory = ioMemory(t, 8 * 4096);
    const commands = Array.from({ length: 8 }, (_, index) => ({
      fd: char.fd,
      command: nvme.transfer('read', device, { lba: 0, blocks: 8 }, memory, { offset: index * 4096 }),
    }));
    const victim = startChild(t, { ...POLLED, commands });
    t.equal(await victim.submitted(), 8);
    victim.kill();
    const polled = setUp(t, POLLED);
    for (const one of commands) polled.ring.passthrough(one);
    t.equal(polled.ring.submit(), 8);
    polled.ring.close();
    await lift();
    t.same(await victim.wait(), { signal: 9 });
    const where = area(device, 8);
    const written = ioMemory(t, where.blocks * device.blockSize, 730);
    t.equal((await io('write', where, written)).res, 0, 'a write afterwards');
    t.bytes(onMedium(t, device, where), written.bytes);
  });
});
