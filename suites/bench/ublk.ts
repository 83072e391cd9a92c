import { fillPattern, pattern, runScript, type Test, test } from '../lib/index.ts';
import { type DataPath, pathOptions, USER_COPY, ZERO_COPY } from '../lib/ublk/datapath.ts';
import { startServer, temporaryPath } from '../lib/ublk/fixtures.ts';
import { deviceTarget, fileTarget } from '../lib/ublk/target.ts';
import { measureInstructions } from './measure.ts';
import { disableScheduler, maxRequestBytes, resetQueue } from './queue.ts';
import { DEFER_TASKRUN, INSTRUCTION_CLOCK, type TurnWork } from './turns.ts';
import {
  Cycle,
  clientSqe,
  openClient,
  type TransferSteps,
  userCopySteps,
  zeroCopySteps,
} from './ublk-cycle.ts';
import { recordUblkCost, type UblkWorkload } from './ublk-order.ts';

const PATHS = {
  'user copy': { path: USER_COPY, transferSteps: userCopySteps },
  'zero copy': { path: ZERO_COPY, transferSteps: zeroCopySteps },
} satisfies Record<UblkWorkload['dataPath'], { path: DataPath; transferSteps: TransferSteps }>;

/**
 * Turns of a round. On every kernel and data path the drive's request is at times 230 instructions cheaper for up to 16 consecutive
 * turns (possibly bios from the per-CPU cache, which has batches of 16; not investigated). They must stay a minority of the round.
 */
const MIN_TURNS = 48;

/** Less than the instructions that an io-wq worker needs for a request: proves that no worker did part of the work unmeasured. */
const MAX_OTHER_THREADS = 500;

/**
 * Starts a device over the drive and fetches one request of it. `finish` answers the last request and checks that it completes.
 * Skips the test when the drive would split the request.
 */
async function setUp(t: Test, { kind, bytes, dataPath }: UblkWorkload) {
  const { path, transferSteps } = PATHS[dataPath];
  const device = t.device('data');
  const limit = maxRequestBytes(device.block);
  if (bytes > limit) t.skip(`the drive splits requests larger than ${limit >> 10}k, possibly by a worker`);
  const target = deviceTarget(t, device);
  const { server, client: user } = await startServer(t, { ...pathOptions(path), target, depth: 1 });
  disableScheduler(server.path);
  const held = server.holdBack();
  const client = openClient(t, bytes);
  const range = { kind, length: bytes, offset: 0 };
  client.ring.sqe({ ...clientSqe(client, user.file.fd, range), userData: bytes });
  client.ring.submit();
  const [request] = await held.arrived();
  const [queue] = server.queues;
  if (!request || !queue) throw new Error('no request has arrived');
  t.equal(request.length, bytes, 'length of the request to the server');
  const cycle = new Cycle(t, client, { queue, request, fd: user.file.fd }, transferSteps);
  const finish = async () => {
    held.release();
    const [completion] = await cycle.client.ring.wait();
    t.equal(completion?.res, bytes, 'CQE res of the last request');
  };
  return { cycle, target, finish };
}

/**
 * Checks that data passes between the client and the target by the same calls, with a file as the target: the drive of the bench
 * completes writes without storing them.
 */
function check(t: Test, cycle: Cycle, { kind, bytes }: UblkWorkload): void {
  const target = fileTarget(t, temporaryPath(t), bytes);
  const { memory } = cycle.client;
  const contents = new Uint8Array(bytes);
  if (kind === 'read') target.file.write(pattern(bytes, 1), 0);
  else fillPattern(memory.bytes, 1);
  cycle.begin(target).release();
  if (kind === 'write') target.file.read(contents, 0);
  const [bytesMoved, place] = kind === 'read' ? [memory.bytes, 'client'] : [contents, 'target'];
  t.bytes(bytesMoved, pattern(bytes, 1), `bytes that the ${kind} has moved to the ${place}`);
}

/**
 * Registers the test of a whole I/O in one thread: the client's calls, the driver and the server's calls. The thread sleeps while the
 * drive works; interrupts in that time, such as the drive's completion that wakes it, are not in the metric.
 */
function bench(workload: UblkWorkload): void {
  const { kind, bytes, dataPath } = workload;
  const { path } = PATHS[dataPath];
  const uapi = [...(path.needs.uapi ?? []), ...DEFER_TASKRUN];
  const needs = { ...path.needs, uapi, facts: INSTRUCTION_CLOCK };
  test(`ublk ${kind} ${bytes >> 10}k ${dataPath}`, needs, async (t) => {
    const { cycle, target, finish } = await setUp(t, workload);
    check(t, cycle, workload);
    const totals = { turns: 0, copied: 0, minOtherThreads: Number.POSITIVE_INFINITY };
    const begin = (): TurnWork => {
      resetQueue(t, t.device('data'));
      const { steps, release } = cycle.begin(target);
      const run = (samples: Float64Array) => {
        const { cpu, others, copied } = runScript(steps, samples);
        totals.turns += samples.length;
        totals.copied += copied;
        totals.minOtherThreads = Math.min(totals.minOtherThreads, others / samples.length);
        return cpu;
      };
      const clockOverhead = (samples: Float64Array) => void runScript([], samples);
      return {
        ...{ metric: 'io', depth: 1, calls: steps.length, minTurns: MIN_TURNS },
        ...{ run, clockOverhead, release },
      };
    };
    const { instructions } = measureInstructions(t, begin, bytes / 4096);
    t.ok(
      totals.minOtherThreads < MAX_OTHER_THREADS,
      `other threads take fewer than ${MAX_OTHER_THREADS} instructions per request, not ${totals.minOtherThreads}`,
    );
    const copied = totals.copied / totals.turns;
    t.metric({ name: 'copied', value: copied, unit: 'bytes', better: 'lower' });
    recordUblkCost({ ...workload, instructions, copied });
    await finish();
  });
}

/** Registers the tests of a ublk device over the drive, with both data paths. */
export function benchUblk(): void {
  for (const kind of ['read', 'write'] as const)
    for (const size of [4, 64, 512])
      for (const dataPath of ['user copy', 'zero copy'] as const)
        bench({ kind, bytes: size << 10, dataPath });
}
