import { chunk, mean, median, quantile } from 'simple-statistics';
import { clockCost, type Test, type TestRing } from '../lib/index.ts';
import { fillSlabs } from './slab.ts';

/** How often the whole queue is submitted: warm-up turns are not counted. */
interface Turns {
  warmUp: number;
  counted: number;
}

/** What the user asked for (`ringlab bench --turns --warm-up`), else `usual`. */
function turnsOf({ lab }: Test, usual: Turns): Turns {
  const { turns, warmUp } = lab.cell.facts;
  return {
    warmUp: typeof warmUp === 'number' ? warmUp : usual.warmUp,
    counted: typeof turns === 'number' ? turns : usual.counted,
  };
}

/** Pages in a segment of bounce buffers, along which what each costs goes up and down (see settle): a round walks over all. */
const SEGMENT = 64;

/** Turns that are counted in all, and warmed up for in each round. Deep queues give as many requests with fewer. */
const usualTurns = (depth: number, rounds: number, pages: number): Turns =>
  depth > 1
    ? { warmUp: 3, counted: 12 * rounds }
    : { warmUp: 6, counted: Math.max(16, SEGMENT / pages) * rounds };

/** Median of a round. Of deep queues that take part of a segment each, those that take one together are as one, wherever it began. */
function middle(costs: number[], depth: number, pages: number): number {
  const together = depth > 1 ? Math.max(1, SEGMENT / (depth * pages)) : 1;
  return median(chunk(costs, together).map(mean));
}

/** Ticks that reading the clock twice takes. */
function overhead(): number {
  const samples = new Float64Array(101);
  clockCost(samples);
  return median([...samples]);
}

/** What boots of one kernel were seen to differ by: interrupts are in these, and what else is as it falls in time. */
const CPU_NOISE = 0.05;
const TAIL_NOISE = 0.01;
const TIME_NOISE = 0.05;

export interface Measured {
  /** Requests that were sent, warm-up included. */
  sent: number;
  /** Median of the instructions of a submission, for one request. */
  submit?: number;
}

/** A ring whose queue is full of requests, and what gives back all that it took to make it. */
export interface Loaded {
  ring: TestRing;
  end(): void;
}

/**
 * What a boot left in slabs, pools and tables decides whether a request now and then takes a slower way, and it does so for as long as
 * everything stays where it is. So a workload is set up several times, and the cheapest counts.
 */
const roundsFor = (pages: number) => Math.min(2 + pages, 4);

/**
 * Measures a workload, and gives the test its figures, each for one request: instructions of the submission (median of the
 * cheapest round, p10 and p90 of all; the clock's own subtracted), CPU time of everything, system calls. A sample in which an
 * interrupt fell is one of the few that the median does not see.
 */
function countInstructions(t: Test, load: () => Loaded, pages: number): Measured {
  const rounds = roundsFor(pages);
  const clock = overhead();
  const costs: number[] = [];
  const medians: number[] = [];
  let [cpuTime, sent, depth] = [0, 0, 1];
  for (let round = 0; round < rounds; round++) {
    const { ring, end } = load();
    using _filling = fillSlabs();
    depth = ring.params.sqEntries;
    const { warmUp, counted } = turnsOf(t, usualTurns(depth, rounds, pages));
    if (warmUp > 0) ring.measure(new Float64Array(warmUp));
    const samples = new Float64Array(Math.ceil(counted / rounds));
    cpuTime += ring.measure(samples);
    end();
    const own = [...samples].map((ticks) => (ticks - clock) / depth);
    medians.push(middle(own, depth, pages));
    costs.push(...own);
    sent += (warmUp + samples.length) * depth;
  }
  const submit = Math.min(...medians);
  const [p10, p90] = quantile(costs, [0.1, 0.9]) as [number, number];
  const lower = { unit: 'instructions', better: 'lower' } as const;
  const tail = { ...lower, better: 'none', noise: TAIL_NOISE } as const;
  t.metric({ name: 'submit', value: submit, ...lower });
  t.metric({ name: 'submit.p10', value: p10, ...tail });
  t.metric({ name: 'submit.p90', value: p90, ...tail });
  t.metric({ name: 'cpu', value: cpuTime / (costs.length * depth), ...lower, noise: CPU_NOISE });
  // One to submit and one to wait for the lot.
  t.metric({ name: 'syscalls', value: 2 / depth, unit: 'calls', better: 'lower' });
  return { submit, sent };
}

/** Requests that are timed, and those before them that are not. */
const TIMED: Turns = { warmUp: 200, counted: 5000 };

/** The same with the queue kept full: requests a second, their latencies, and the CPU's time in the kernel for each. */
function takeTimes(t: Test, load: () => Loaded): Measured {
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

/** Measures by the clock that was asked for (`ringlab bench --clock`). `pages`: what a request has of them. */
export function measure(t: Test, load: () => Loaded, pages = 1): Measured {
  return t.lab.cell.facts.clock === 'time' ? takeTimes(t, load) : countInstructions(t, load, pages);
}
