import { ioMemory, Memory, nvme, suite, type Test, type TestRing, test } from '../lib/index.ts';
import { area, type Bench, onMedium, setUp } from './setup.ts';

/** From 6.10 on a linked command is read from its SQE when its turn comes, and its owner may have reused that by then. */
const STALE = 'linked uring_cmd reads a reused SQE, mended by mainline commit d6211ebbdaa5 (v6.14)';

/** Overwrites every SQE slot: what a busy submitter does as soon as submit has returned. */
function spoil(ring: TestRing): void {
  new Uint8Array(ring.sqes).fill(0xff);
}

/** Holds what follows it back for a while, without failing it. */
function delay(t: Test, ring: TestRing, ms: number, flags: string[]): void {
  const span = t.use(new Memory(16));
  span.view.setBigInt64(8, BigInt(ms) * 1_000_000n, true);
  const success = t.uapi.constant('IORING_TIMEOUT_ETIME_SUCCESS');
  const timeout = { opcode: 'IORING_OP_TIMEOUT', addr: span.address, len: 1, flags, userData: 0 };
  ring.sqe({ ...timeout, more: { timeout_flags: success } });
}

/** Writes as many commands as `flags` has entries, spoils their SQEs after submit, and looks at the medium. */
async function overwritten(t: Test, bench: Bench, flags: string[][], before?: () => void): Promise<void> {
  const { device, char, ring } = bench;
  const wheres = flags.map(() => area(device, 8));
  const memories = wheres.map(({ blocks }, index) => ioMemory(t, blocks * device.blockSize, 200 + index));
  before?.();
  wheres.forEach((where, index) => {
    const memory = memories[index];
    if (!memory) return;
    const command = nvme.transfer('write', device, where, memory);
    ring.passthrough({ fd: char.fd, command, userData: index + 1, flags: flags[index] });
  });
  const count = ring.submit();
  spoil(ring);
  const cqes = (await ring.wait(count)).filter(({ tag }) => tag > 0).sort((a, b) => a.tag - b.tag);
  t.same(
    cqes.map(({ tag, res }) => [tag, res]),
    flags.map((_, index) => [index + 1, 0]),
  );
  wheres.forEach((where, index) => {
    t.bytes(onMedium(t, device, where), memories[index]?.bytes ?? new Uint8Array(), `command ${index + 1}`);
  });
}

suite('the SQE belongs to the submitter again when submit returns', { devices: ['data'] }, () => {
  test('SQEs overwritten after submit: issued at once', (t) => overwritten(t, setUp(t), Array(8).fill([])));

  test('SQEs overwritten after submit: punted by IOSQE_ASYNC', (t) =>
    overwritten(t, setUp(t), Array(8).fill(['IOSQE_ASYNC'])));

  test('SQEs overwritten after submit: linked behind a timeout', { knownFault: STALE }, async (t) => {
    const bench = setUp(t);
    const link = ['IOSQE_IO_LINK'];
    await overwritten(t, bench, [link, link, []], () => delay(t, bench.ring, 30, link));
  });

  test('SQEs overwritten after submit: drained behind a timeout', async (t) => {
    const bench = setUp(t);
    await overwritten(t, bench, [['IOSQE_IO_DRAIN'], []], () => delay(t, bench.ring, 30, []));
  });

  test('SQEs overwritten after submit: more commands than the device has queue entries', async (t) => {
    // The queue runs out of tags, submission falls back to workers: the kernel needs its copies.
    const bench = setUp(t, { entries: 2048, cqEntries: 4096 });
    await overwritten(t, bench, Array(1500).fill([]));
  });
});
