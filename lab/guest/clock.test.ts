import t from 'tap';
import { rateOf } from './clock-rate.ts';

const PM_TIMER_HZ = 3_579_545;
const BIG = 1n << 62n;

interface Made {
  count?: number;
  khz?: number;
  /** The counter and the PM timer at the first sample. */
  counter?: bigint;
  timer?: number;
  /** Ticks that sample `index` took, and how late in them the timer was read. */
  width?: (index: number) => { ticks: number; late: number };
}

/** What the clock probe writes on a machine whose counter has this rate: a sample each 1.2 ms. */
function samples({ count = 64, khz = 2_000_000, counter = BIG, timer = 0, width }: Made = {}): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => {
      const { ticks, late } = width?.(index) ?? { ticks: 200, late: 0.5 };
      const ticksOfTimer = Math.round(index * 0.0012 * PM_TIMER_HZ);
      const read = counter + BigInt(Math.round((ticksOfTimer / PM_TIMER_HZ) * khz * 1000));
      const before = read - BigInt(Math.round(ticks * late));
      const sample = Buffer.alloc(20);
      sample.writeBigUInt64LE(before, 0);
      sample.writeUInt32LE((timer + ticksOfTimer) % (1 << 24), 8);
      sample.writeBigUInt64LE(before + BigInt(ticks), 12);
      return sample;
    }),
  );
}

t.test('the rate of the counter comes from samples against the PM timer', (t) => {
  t.equal(rateOf(samples()), 2_000_000);
  t.equal(rateOf(samples({ khz: 2_596_146, counter: BIG })), 2_596_146);
  t.equal(rateOf(samples({ khz: 999_000, timer: (1 << 24) - 50_000 })), 999_000, 'timer that wraps');
  t.end();
});

t.test('samples in which the guest was stopped do not count', (t) => {
  const width = (index: number) =>
    index % 8 === 3 ? { ticks: 200, late: 0.5 } : { ticks: 40_000_000, late: index < 32 ? 0.01 : 0.99 };
  const khz = rateOf(samples({ width })) ?? 0;
  t.ok(Math.abs(khz - 2_000_000) < 20, `rate ${khz} kHz`);
  t.end();
});

t.test('output that shows no clock gives no rate', (t) => {
  t.equal(rateOf(Buffer.alloc(0)), undefined, 'empty');
  t.equal(rateOf(samples({ count: 10 })), undefined, 'cut short');
  t.equal(rateOf(Buffer.alloc(64 * 20)), undefined, 'zeroes: no PM timer at this port');
  t.equal(rateOf(Buffer.alloc(64 * 20, 0xff)), undefined, 'ones');
  t.equal(rateOf(samples({ khz: 50 })), undefined, 'a rate that no machine has');
  t.end();
});
