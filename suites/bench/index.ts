import { held, openRing, spin, suite, type Test, test } from '../lib/index.ts';
import { measure } from './figures.ts';
import { COUNTING } from './loaded.ts';
import { growth, note, outOfOrder } from './order.ts';
import { benchPoll } from './poll.ts';
import { settle } from './queue.ts';
import { benchSend } from './send.ts';
import { benchUblk } from './ublk.ts';
import { orderUblk } from './ublk-order.ts';
import { type Naming, prepare, type Workload } from './workload.ts';

const SIZES = [4, 16, 64, 256];
const DEPTHS = [1, 16];
/** For small requests only. */
const DEEP = 32;
const NEEDS = { devices: ['data'], facts: { clock: true } };

const nameOf = ({ through, naming, kind, bytes, depth }: Workload) =>
  `${kind} ${bytes >> 10}k depth ${depth} ${through === 'block' ? naming : `passthrough ${naming}`}`;

/** Sends every request once and sees that it does what it says, so that nothing else is measured. */
async function check(t: Test, load: Workload, { ring, fill }: ReturnType<typeof prepare>): Promise<void> {
  fill();
  for (const { res } of await ring.complete()) t.equal(res, load.through === 'block' ? load.bytes : 0);
}

function bench(load: Workload): void {
  const uapi = load.naming === 'dma' ? ['IORING_REGISTER_MAP_BUFFERS'] : [];
  test(nameOf(load), { uapi }, async (t) => {
    const first = prepare(t, load);
    await check(t, load, first);
    first.end();
    t.note('scheduler none');
    const premapped = load.naming === 'dma';
    const before = premapped ? held(first.device).used : 0;
    const again = () => {
      settle(t, first.device);
      const prepared = prepare(t, load);
      prepared.fill();
      return prepared;
    };
    const { submit, sent } = measure(t, again, load.bytes / 4096);
    if (load.through === 'block' && submit !== undefined) note(load, submit);
    if (premapped) t.equal(held(first.device).used - before, sent, 'every request took the mapping');
  });
}

/** How NOPs are sent: each for itself, each linked to the one before, all as members of the first, or by a call for each. */
const TOGETHER = {
  separate: [],
  linked: ['IOSQE_IO_LINK'],
  grouped: ['IOSQE_SQE_GROUP'],
  'one by one': [],
} as const;

/** The ring alone. */
function benchNop(shape: 'plain' | 'big', depth: number, together: keyof typeof TOGETHER = 'separate'): void {
  const name = `nop depth ${depth}${shape === 'big' ? ' big' : ''}${together === 'separate' ? '' : ` ${together}`}`;
  const apart = together === 'one by one';
  test(name, { uapi: TOGETHER[together], facts: apart ? COUNTING : {} }, (t) => {
    measure(t, () => {
      const ring = openRing(t, { shape, entries: depth });
      for (let index = 1; index <= depth; index++)
        ring.sqe({ opcode: 'IORING_OP_NOP', flags: index < depth ? TOGETHER[together] : [] });
      return { ring, end: () => ring.close(), ...(apart ? { turn: { apart } } : {}) };
    });
  });
}

suite('cost', NEEDS, () => {
  test('a tick of the clock is an instruction', { facts: COUNTING }, (t) => {
    // An interrupt may fall into one of them.
    const ticks = Math.min(...Array.from({ length: 5 }, () => spin(100_000)));
    t.ok(Math.abs(ticks - 400_000) < 400, `400000 instructions took ${ticks} ticks`);
  });
  test('CPU time is counted in instructions', { facts: COUNTING }, (t) => {
    const times = Array.from({ length: 5 }, () => {
      const before = process.cpuUsage();
      spin(2_500_000);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    });
    t.ok(Math.abs(Math.min(...times) - 10_000) < 50, `10 million instructions took ${times} us`);
  });
  for (const depth of DEPTHS) {
    benchNop('plain', depth);
    benchNop('big', depth);
  }
  benchNop('plain', DEEP);
  for (const depth of [4, DEEP])
    for (const together of ['linked', 'grouped', 'one by one'] as const) benchNop('plain', depth, together);
  for (const depth of [1, DEEP]) {
    benchSend(depth);
    benchPoll(depth);
  }
  for (const kind of ['read', 'write'] as const)
    for (const size of SIZES)
      for (const depth of DEPTHS) {
        const load = { kind, bytes: size << 10, depth };
        for (const naming of ['none', 'bvec', 'dma'] satisfies Naming[])
          bench({ through: 'block', naming, ...load });
        for (const naming of ['none', 'bvec'] satisfies Naming[])
          bench({ through: 'passthrough', naming, ...load });
      }

  for (const naming of ['none', 'bvec'] as const)
    bench({ through: 'block', naming, kind: 'read', bytes: 4096, depth: DEEP });

  benchUblk();

  // Of what was measured before, so that it is said once for all and not read off a table by hand.
  const mapped = { uapi: ['IORING_REGISTER_MAP_BUFFERS'], facts: COUNTING };
  test('order: a mapped buffer costs less than a registered one, that less than any other', mapped, (t) => {
    const { compared, wrong } = outOfOrder();
    if (compared === 0) t.skip('no workload was measured with all three kinds of buffer');
    t.note(`${compared} workloads`);
    t.same(wrong, []);
  });
  // Bounce buffers are copied byte by byte.
  const noBouncing = { ...mapped, facts: { ...COUNTING, swiotlb: false } };
  test('order: what a mapped buffer costs does not grow with its size', noBouncing, (t) => {
    const grown = growth(4 << 10, 64 << 10);
    if (grown.length === 0) t.skip('mapped buffers of 4k and 64k were not both measured');
    for (const { what, factor } of grown) {
      t.note(`${what}: ${((factor - 1) * 100).toFixed(1)}% more for 64k than for 4k`);
      t.ok(factor <= 1.06, `${what}: ${factor.toFixed(3)} times as much for 64k as for 4k`);
    }
  });
  orderUblk();
});
