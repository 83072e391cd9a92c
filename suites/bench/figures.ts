import { median, quantile } from 'simple-statistics';
import { clockCost, type Test, type TestRing } from '../lib/index.ts';

/** How often the whole queue is submitted: warm-up turns are not counted. */
interface Turns {
  warmUp: number;
  counted: number;
}

/** Deep queues give as many requests with fewer turns. */
const turnsFor = (depth: number): Turns =>
  depth > 1 ? { warmUp: 4, counted: 36 } : { warmUp: 10, counted: 120 };

/** Ticks that reading the clock twice takes. */
function overhead(): number {
  const samples = new Float64Array(101);
  clockCost(samples);
  return median([...samples]);
}

/**
 * Measures a ring whose queue is full of requests, and gives the test its figures, each for one request: instructions of the
 * submission (median, p10, p90; the clock's own subtracted), CPU time of everything, system calls. A sample in which an
 * interrupt fell is one of the few that the median does not see. Returns the submission's median, and how many requests were
 * sent, warm-up included.
 */
export function measure(t: Test, ring: TestRing): { submit: number; sent: number } {
  const depth = ring.params.sqEntries;
  const { warmUp, counted } = turnsFor(depth);
  ring.measure(new Float64Array(warmUp));
  const samples = new Float64Array(counted);
  const cpuTime = ring.measure(samples);
  const clock = overhead();
  const costs = [...samples].map((ticks) => (ticks - clock) / depth);
  const [p10, p50, p90] = quantile(costs, [0.1, 0.5, 0.9]) as [number, number, number];
  const lower = { unit: 'instructions', better: 'lower' } as const;
  t.metric({ name: 'submit', value: p50, ...lower });
  t.metric({ name: 'submit.p10', value: p10, ...lower, better: 'none' });
  t.metric({ name: 'submit.p90', value: p90, ...lower, better: 'none' });
  t.metric({ name: 'cpu', value: cpuTime / (counted * depth), ...lower });
  // One to submit and one to wait for the lot.
  t.metric({ name: 'syscalls', value: 2 / depth, unit: 'calls', better: 'lower' });
  return { submit: p50, sent: (warmUp + counted) * depth };
}
