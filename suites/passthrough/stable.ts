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
import { allocateBlocks, type Fixture, PAGE, readBlockDevice, setUp } from './setup.ts';

/**
 * io_uring_cmd_prep_setup() of Linux 6.12 keeps a pointer to the SQE slot unless the command is forced async. The slot is then
 * read late in two cases: a linked command is read when its turn comes, and a command that got -EAGAIN is read again by a worker,
 * since io_uring_cmd() copies the SQE but leaves the pointer on the slot. Later mainline kernels copy in preparation.
 */
const STALE = 'uring_cmd is read from its reused SQE (Linux 6.12)';

/** Overwrites every SQE slot, as a busy submitter does as soon as io_uring_enter() has returned. */
function overwriteSqes(ring: TestRing): void {
  new Uint8Array(ring.sqes).fill(0xff);
}

/** Writes a timeout that delays the requests linked or drained behind it by `ms`, and succeeds. */
function delay(t: Test, ring: TestRing, ms: number, flags: string[]): void {
  const timespec = t.use(new Memory(16));
  timespec.view.setBigInt64(8, BigInt(ms) * 1_000_000n, true);
  const success = t.uapi.constant('IORING_TIMEOUT_ETIME_SUCCESS');
  const timeout = { opcode: 'IORING_OP_TIMEOUT', addr: timespec.address, len: 1, flags, userData: 0 };
  ring.sqe({ ...timeout, more: { timeout_flags: success } });
}

/** Number of io_uring worker threads of this process. */
function countWorkers(): number {
  const names = readdirSync('/proc/self/task').map((id) =>
    readFileSync(`/proc/self/task/${id}/comm`, 'utf8'),
  );
  return names.filter((name) => name.startsWith('iou-wrk')).length;
}

/** Limits each queue of a disk to `count` tags until the end of the test, so that fewer commands fill it. */
function limitTags(t: Test, disk: string, count: number): void {
  const file = `/sys/block/${disk}/queue/nr_requests`;
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, String(count));
  t.defer(() => writeFileSync(file, before));
}

interface Hooks {
  /** Writes SQEs in front of the commands; their tag is 0. */
  before?: () => void;
  /** Runs between submission and waiting. */
  submitted?: () => Promise<void>;
}

/**
 * Submits one write for each entry of `commandFlags` (IOSQE_ flags), overwrites all SQEs, waits for the writes and checks their
 * CQEs and the blocks.
 */
async function writeAndOverwriteSqes(
  t: Test,
  fixture: Fixture,
  commandFlags: string[][],
  hooks: Hooks = {},
): Promise<void> {
  const { device, char, ring } = fixture;
  const blocks = device.blocksOf(PAGE);
  const length = blocks * device.blockSize;
  const span = allocateBlocks(device, commandFlags.length * blocks);
  const memory = ioMemory(t, commandFlags.length * length, 200);
  hooks.before?.();
  commandFlags.forEach((flags, index) => {
    const part = { lba: Number(span.lba) + index * blocks, blocks };
    const command = nvme.transfer('write', device, part, memory, { offset: index * length });
    ring.passthrough({ fd: char.fd, command, userData: index + 1, flags });
  });
  const count = ring.submit();
  overwriteSqes(ring);
  await hooks.submitted?.();
  const cqes = (await ring.wait(count, { timeoutMs: 25_000 }))
    .filter(({ tag }) => tag > 0)
    .sort((a, b) => a.tag - b.tag);
  const failed = cqes
    .filter(({ res }) => res !== 0)
    .map(({ tag, res }) => `command ${tag}: ${resultName(res)}`);
  t.same(failed, [], `failed commands (${failed.length} of ${commandFlags.length})`);
  t.same(
    cqes.map(({ tag }) => tag),
    commandFlags.map((_, index) => index + 1),
    'tags of the completed commands',
  );
  t.bytes(readBlockDevice(t, device, span), memory.bytes, 'the written blocks');
}

suite('SQEs overwritten after submit', { devices: ['data'] }, () => {
  test('commands issued at once complete although their SQEs are overwritten after submit', (t) =>
    writeAndOverwriteSqes(t, setUp(t), Array(8).fill([])));

  test('commands punted by IOSQE_ASYNC complete although their SQEs are overwritten after submit', (t) =>
    writeAndOverwriteSqes(t, setUp(t), Array(8).fill(['IOSQE_ASYNC'])));

  test('commands linked behind a timeout complete although their SQEs are overwritten after submit', {
    knownFault: STALE,
  }, async (t) => {
    const fixture = setUp(t);
    const link = ['IOSQE_IO_LINK'];
    await writeAndOverwriteSqes(t, fixture, [link, link, []], {
      before: () => delay(t, fixture.ring, 30, link),
    });
  });

  test('commands drained behind a timeout complete although their SQEs are overwritten after submit', async (t) => {
    const fixture = setUp(t);
    await writeAndOverwriteSqes(t, fixture, [['IOSQE_IO_DRAIN'], []], {
      before: () => delay(t, fixture.ring, 30, []),
    });
  });

  test('commands that exceed the device’s queues complete although their SQEs are overwritten after submit', {
    knownFault: STALE,
  }, async (t) => {
    // Once all tags of all queues are taken, the remaining commands go to workers, which wait for tags with the kernel's copies
    // of the SQEs. The commands outnumber the workers, so that most are first read after their SQEs have been overwritten.
    const fixture = setUp(t, { entries: 4096 });
    limitTags(t, fixture.device.name, 64);
    const count = Math.min(64 * Number(t.lab.cell.facts.vcpus ?? 1) + 200, 4096);
    const { lift } = await throttled(t, fixture.device, 5);
    let workers = 0;
    await writeAndOverwriteSqes(t, fixture, Array(count).fill([]), {
      async submitted() {
        workers = countWorkers();
        await lift();
      },
    });
    t.ok(workers > 0, 'the full queue leaves commands to io_uring workers');
  });
});
