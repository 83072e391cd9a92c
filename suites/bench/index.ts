import { held, openRing, spin, suite, type Test, test } from '../lib/index.ts';
import { measure } from './measure.ts';
import { growth, misordered, recordCost } from './order.ts';
import { benchPoll } from './poll.ts';
import { resetQueue } from './queue.ts';
import { benchSend } from './send.ts';
import { INSTRUCTION_CLOCK } from './turns.ts';
import { benchUblk } from './ublk.ts';
import { orderUblk } from './ublk-order.ts';
import { type BufferKind, type PreparedRing, prepare, type Workload } from './workload.ts';

/** KiB of a request. */
const SIZES = [4, 16, 64, 256];
const DEPTHS = [1, 16];
/** Depth of small requests only. */
const DEEP = 32;
const NEEDS = { devices: ['data'], facts: { clock: true } };

const titleOf = ({ route, buffer, kind, bytes, depth }: Workload) =>
  `${kind} ${bytes >> 10}k depth ${depth} ${route === 'block' ? buffer : `passthrough ${buffer}`}`;

/** Sends every request once and checks its result, so that only requests that succeed are measured. */
async function check(t: Test, { route, bytes }: Workload, { ring, fill }: PreparedRing): Promise<void> {
  fill();
  for (const [index, { res }] of (await ring.complete()).entries())
    t.equal(res, route === 'block' ? bytes : 0, `CQE res of request ${index}`);
}

/** Registers the test of a workload; its title is the name of its metrics. */
function bench(workload: Workload): void {
  const premapped = workload.buffer === 'dma';
  const uapi = premapped ? ['IORING_REGISTER_MAP_BUFFERS'] : [];
  test(titleOf(workload), { uapi }, async (t) => {
    const checked = prepare(t, workload);
    await check(t, workload, checked);
    checked.release();
    t.note('scheduler none');
    const mappedBefore = premapped ? held(checked.device)?.used : undefined;
    const load = () => {
      resetQueue(t, checked.device);
      const prepared = prepare(t, workload);
      prepared.fill();
      return prepared;
    };
    const { instructions, sent } = measure(t, load, workload.bytes / 4096);
    if (workload.route === 'block' && instructions !== undefined) recordCost(workload, instructions);
    // Another series than the project's has no counters.
    if (mappedBefore !== undefined)
      t.equal(
        (held(checked.device)?.used ?? 0) - mappedBefore,
        sent,
        'commands that used a pre-mapped buffer',
      );
  });
}

/** Flags of NOPs that are submitted separately, linked, as members of the first, or by one system call each. */
const NOP_FLAGS = {
  separate: [],
  linked: ['IOSQE_IO_LINK'],
  grouped: ['IOSQE_SQE_GROUP'],
  'one by one': [],
} as const;

/** Registers the test of NOPs: the ring without a device. */
function benchNop(shape: 'plain' | 'big', depth: number, mode: keyof typeof NOP_FLAGS = 'separate'): void {
  const title = `nop depth ${depth}${shape === 'big' ? ' big' : ''}${mode === 'separate' ? '' : ` ${mode}`}`;
  const apart = mode === 'one by one';
  test(title, { uapi: NOP_FLAGS[mode], facts: apart ? INSTRUCTION_CLOCK : {} }, (t) => {
    measure(t, () => {
      const ring = openRing(t, { shape, entries: depth });
      for (let index = 1; index <= depth; index++)
        ring.sqe({ opcode: 'IORING_OP_NOP', flags: index < depth ? NOP_FLAGS[mode] : [] });
      return { ring, release: () => ring.close(), ...(apart ? { turn: { apart } } : {}) };
    });
  });
}

function clockTests(): void {
  test('the clock advances one tick per instruction', { facts: INSTRUCTION_CLOCK }, (t) => {
    // The smallest of five: an interrupt may add to a loop.
    const ticks = Math.min(...Array.from({ length: 5 }, () => spin(100_000)));
    t.ok(Math.abs(ticks - 400_000) < 400, `400000 instructions take 400000 ticks, within 400, not ${ticks}`);
  });

  test('CPU time advances 1 ms per million instructions', { facts: INSTRUCTION_CLOCK }, (t) => {
    const times = Array.from({ length: 5 }, () => {
      const start = process.cpuUsage();
      spin(2_500_000);
      const { user, system } = process.cpuUsage(start);
      return user + system;
    });
    t.ok(
      Math.abs(Math.min(...times) - 10_000) < 50,
      `10 million instructions take 10000 us, within 50, not ${times}`,
    );
  });
}

/** Registers every workload of the drive. */
function benchDrive(): void {
  for (const kind of ['read', 'write'] as const)
    for (const size of SIZES)
      for (const depth of DEPTHS) {
        const load = { kind, bytes: size << 10, depth };
        for (const buffer of ['none', 'bvec', 'dma'] satisfies BufferKind[])
          bench({ route: 'block', buffer, ...load });
        for (const buffer of ['none', 'bvec'] satisfies BufferKind[])
          bench({ route: 'passthrough', buffer, ...load });
      }

  for (const buffer of ['none', 'bvec'] as const)
    bench({ route: 'block', buffer, kind: 'read', bytes: 4096, depth: DEEP });
}

/** Registers the tests that compare recorded costs: the claims of kernels/series/dma-premap, asserted in each run. */
function orderTests(): void {
  const needs = { uapi: ['IORING_REGISTER_MAP_BUFFERS'], facts: INSTRUCTION_CLOCK };
  test(
    'order: a pre-mapped buffer costs less than a registered one, which costs less than a plain one',
    needs,
    (t) => {
      const { compared, violations } = misordered();
      if (compared === 0) t.skip('no workload was measured with all three kinds of buffer');
      t.note(`${compared} workloads`);
      t.same(violations, [], 'workloads that violate dma < bvec < none');
    },
  );
  // With swiotlb the cost does grow: bounce buffers are copied.
  const withoutSwiotlb = { ...needs, facts: { ...INSTRUCTION_CLOCK, swiotlb: false } };
  test('order: a pre-mapped buffer of 64k costs at most 6% more than one of 4k', withoutSwiotlb, (t) => {
    const growths = growth(4 << 10, 64 << 10);
    if (growths.length === 0) t.skip('pre-mapped buffers of 4k and 64k were not both measured');
    for (const { workload, factor } of growths) {
      t.note(`${workload}: ${((factor - 1) * 100).toFixed(1)}% more for 64k than for 4k`);
      t.ok(
        factor <= 1.06,
        `${workload}: 64k costs at most 1.06 times as much as 4k, not ${factor.toFixed(3)}`,
      );
    }
  });
}

suite('cost', NEEDS, () => {
  clockTests();
  for (const depth of DEPTHS) {
    benchNop('plain', depth);
    benchNop('big', depth);
  }
  benchNop('plain', DEEP);
  for (const depth of [4, DEEP])
    for (const mode of ['linked', 'grouped', 'one by one'] as const) benchNop('plain', depth, mode);
  for (const depth of [1, DEEP]) {
    benchSend(depth);
    benchPoll(depth);
  }
  benchDrive();
  benchUblk();
  // Last: they compare what the tests above have recorded.
  orderTests();
  orderUblk();
});
