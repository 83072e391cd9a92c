import { quantile } from 'simple-statistics';
import type { Test } from '../lib/index.ts';
import { type Loaded, type Measured, type Turns, turnsOf } from './loaded.ts';

/** What boots of one kernel were seen to differ by. */
const TIME_NOISE = 0.05;

/** Requests that are timed, and those before them that are not. */
const TIMED: Turns = { warmUp: 200, counted: 5000 };

/** With the queue kept full: requests a second, their latencies, and the CPU's time in the kernel for each. */
export function takeTimes(t: Test, load: () => Loaded): Measured {
  const { ring, end } = load();
  const depth = ring.params.sqEntries;
  const { warmUp, counted } = turnsOf(t, { warmUp: TIMED.warmUp / depth, counted: TIMED.counted / depth });
  const sent = { warmUp: Math.ceil(warmUp * depth), counted: Math.ceil(counted * depth) };
  if (sent.warmUp > 0) ring.drive(new Float64Array(sent.warmUp));
  const samples = new Float64Array(sent.counted);
  const { wall, system } = ring.drive(samples);
  end();
  const noise = TIME_NOISE;
  const lower = { unit: 'us', better: 'lower', noise } as const;
  t.metric({
    name: 'iops',
    value: (sent.counted * 1e9) / wall,
    unit: 'requests/s',
    better: 'higher',
    noise,
  });
  const latencies = quantile([...samples], [0.5, 0.99, 0.999]) as [number, number, number];
  for (const [index, name] of ['p50', 'p99', 'p99.9'].entries()) {
    const value = (latencies[index] ?? 0) / 1000;
    t.metric({ name: `latency.${name}`, value, ...lower });
  }
  t.metric({ name: 'system', value: system / sent.counted / 1000, ...lower });
  return { sent: sent.warmUp + sent.counted };
}
