import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  ioMemory,
  Memory,
  nvme,
  resultName,
  suite,
  type Test,
  type TestRing,
  test,
  throttled,
} from '../lib/index.ts';
import { area, type Bench, onMedium, setUp } from './setup.ts';

/**
 * 6.12's io_uring_cmd_prep_setup() keeps a pointer into the queue unless the command is forced async: a linked one is read
 * there when its turn comes, and one that is tried again by a worker as well, since io_uring_cmd() makes a copy for -EAGAIN
 * but goes on pointing to the queue. Later mainline kernels copy at preparation.
 */
const STALE = 'uring_cmd is read from its reused SQE (Linux 6.12)';

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

/** Worker threads that io_uring has started for this process. */
function ioWorkers(): number {
  const names = readdirSync('/proc/self/task').map((id) =>
    readFileSync(`/proc/self/task/${id}/comm`, 'utf8'),
  );
  return names.filter((name) => name.startsWith('iou-wrk')).length;
}

/** Leaves each queue of a drive so many tags, which are full sooner, until the test is over. */
function fewTags(t: Test, drive: string, count: number): void {
  const file = `/sys/block/${drive}/queue/nr_requests`;
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, String(count));
  t.defer(() => writeFileSync(file, before));
}

interface Hooks {
  /** Writes SQEs in front of the commands. */
  before?: () => void;
  /** Runs between submission and waiting. */
  submitted?: () => Promise<void>;
}

/** Writes as many commands as `flags` has entries, spoils their SQEs after submit, and looks at the medium. */
async function overwritten(t: Test, bench: Bench, flags: string[][], hooks: Hooks = {}): Promise<void> {
  const { device, char, ring } = bench;
  const blocks = 8;
  const length = blocks * device.blockSize;
  const where = area(device, flags.length * blocks);
  const memory = ioMemory(t, flags.length * length, 200);
  hooks.before?.();
  flags.forEach((own, index) => {
    const part = { lba: Number(where.lba) + index * blocks, blocks };
    const command = nvme.transfer('write', device, part, memory, { offset: index * length });
    ring.passthrough({ fd: char.fd, command, userData: index + 1, flags: own });
  });
  const count = ring.submit();
  spoil(ring);
  await hooks.submitted?.();
  const cqes = (await ring.wait(count, { timeoutMs: 25_000 }))
    .filter(({ tag }) => tag > 0)
    .sort((a, b) => a.tag - b.tag);
  const failed = cqes
    .filter(({ res }) => res !== 0)
    .map(({ tag, res }) => `command ${tag}: ${resultName(res)}`);
  t.same(failed, [], `${failed.length} of ${flags.length} commands failed`);
  t.same(
    cqes.map(({ tag }) => tag),
    flags.map((_, index) => index + 1),
  );
  t.bytes(onMedium(t, device, where), memory.bytes);
}

suite('the SQE belongs to the submitter again when submit returns', { devices: ['data'] }, () => {
  test('SQEs overwritten after submit: issued at once', (t) => overwritten(t, setUp(t), Array(8).fill([])));

  test('SQEs overwritten after submit: punted by IOSQE_ASYNC', (t) =>
    overwritten(t, setUp(t), Array(8).fill(['IOSQE_ASYNC'])));

  test('SQEs overwritten after submit: linked behind a timeout', { knownFault: STALE }, async (t) => {
    const bench = setUp(t);
    const link = ['IOSQE_IO_LINK'];
    await overwritten(t, bench, [link, link, []], { before: () => delay(t, bench.ring, 30, link) });
  });

  test('SQEs overwritten after submit: drained behind a timeout', async (t) => {
    const bench = setUp(t);
    await overwritten(t, bench, [['IOSQE_IO_DRAIN'], []], { before: () => delay(t, bench.ring, 30, []) });
  });

  test('SQEs overwritten after submit: more commands than the device has queue entries', {
    knownFault: STALE,
  }, async (t) => {
    // With all tags of all queues taken the rest goes to workers, which wait for tags with the kernel's copies. There are so
    // many more commands than workers that most of them are first looked at after their SQEs have been overwritten.
    const bench = setUp(t, { entries: 4096 });
    fewTags(t, bench.device.name, 64);
    const count = Math.min(64 * Number(t.lab.cell.facts.vcpus ?? 1) + 200, 4096);
    const { lift } = await throttled(t, bench.device, 5);
    let workers = 0;
    await overwritten(t, bench, Array(count).fill([]), {
      async submitted() {
        workers = ioWorkers();
        await lift();
      },
    });
    t.ok(workers > 0, 'no command was left to a worker: the queue was never full');
  });
});
