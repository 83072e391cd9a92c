import { quantile } from 'simple-statistics';
import type { Test } from '../lib/index.ts';
import { type LoadedRing, type Measurement, type Turns, turnsOf } from './turns.ts';

/** Observed relative difference between boots of one kernel. */
const TIME_NOISE = 0.05;

/** Requests, not turns: of the warm-up, and timed. */
const REQUESTS: Turns = { warmUp: 200, counted: 5000 };

/**
 * Measures by the time clock with the queue kept full, and reports requests per second, latencies (us) and CPU time in the kernel per
 * request (us). `load` sets up a full ring.
 */
export function measureTime(t: Test, load: () => LoadedRing): Measurement {
  const { ring, release } = load();
  const depth = ring.params.sqEntries;
  const defaults = { warmUp: REQUESTS.warmUp / depth, counted: REQUESTS.counted / depth };
  const turns = turnsOf(t, defaults);
  const requests = { warmUp: Math.ceil(turns.warmUp * depth), counted: Math.ceil(turns.counted * depth) };
  if (requests.warmUp > 0) ring.drive(new Float64Array(requests.warmUp));
  const samples = new Float64Array(requests.counted);
  const { wall, system } = ring.drive(samples);
  release();
  const noise = TIME_NOISE;
  const lower = { unit: 'us', better: 'lower', noise } as const;
  t.metric({
    name: 'iops',
    value: (requests.counted * 1e9) / wall,
    unit: 'requests/s',
    better: 'higher',
    noise,
  });
  const latencies = quantile([...samples], [0.5, 0.99, 0.999]) as [number, number, number];
  for (const [index, name] of ['p50', 'p99', 'p99.9'].entries()) {
    const value = (latencies[index] ?? 0) / 1000;
    t.metric({ name: `latency.${name}`, value, ...lower });
  }
  t.metric({ name: 'system', value: system / requests.counted / 1000, ...lower });
  return { sent: requests.warmUp + requests.counted };
}
