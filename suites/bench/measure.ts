import { chunk, mean, median, quantile } from 'simple-statistics';
import { clockCost, type Test } from '../lib/index.ts';
import { exhaustKmalloc4k } from './slab.ts';
import { measureTime } from './time.ts';
import { type LoadedRing, type Measurement, type Turns, type TurnWork, turnsOf } from './turns.ts';

/**
 * Pages of a swiotlb segment (IO_TLB_SEGSIZE slots of 2 KiB, linux/swiotlb.h). The cost of a bounce buffer depends on its offset in
 * the segment (see `resetQueue`), so a round covers a whole segment.
 */
const SEGMENT_PAGES = 64;

/** Counted turns of all rounds and warm-up turns of each round. Deep queues need fewer turns for the same number of requests. */
const defaultTurns = ({ depth, minTurns = 16 }: TurnWork, rounds: number, pages: number): Turns =>
  depth > 1
    ? { warmUp: 3, counted: 12 * rounds }
    : { warmUp: 6, counted: Math.max(minTurns, SEGMENT_PAGES / pages) * rounds };

/**
 * Median cost of a round. Turns of a deep queue that fill a swiotlb segment together are averaged first, so that the result does not
 * depend on the offset at which the round began.
 */
function roundMedian(costs: number[], depth: number, pages: number): number {
  const turnsPerSegment = depth > 1 ? Math.max(1, SEGMENT_PAGES / (depth * pages)) : 1;
  return median(chunk(costs, turnsPerSegment).map(mean));
}

/** Median ticks that reading the clock adds to a turn. */
function medianOverhead({ clockOverhead }: TurnWork): number {
  const samples = new Float64Array(101);
  clockOverhead(samples);
  return median([...samples]);
}

/** Observed relative differences between boots of one kernel. CPU time and tails contain interrupts and other asynchronous work. */
const CPU_NOISE = 0.05;
const TAIL_NOISE = 0.01;

/**
 * Rounds of a workload, each with a new set-up; the cheapest counts. The state of slabs, pools and tables after boot decides whether
 * some requests take a slow path, and they keep taking it as long as the set-up exists.
 */
const roundsFor = (pages: number) => Math.min(2 + pages, 4);

/** Results of all rounds of a workload. */
interface RoundResults {
  /** Instructions per request of the cheapest round. */
  median: number;
  /** Instructions per request of each turn. */
  costs: number[];
  /** CPU time of the counted turns, ns: one instruction each under the instruction clock. */
  cpuTime: number;
}

function reportMetrics(t: Test, { metric, depth, calls }: TurnWork, results: RoundResults): void {
  const { median, costs, cpuTime } = results;
  const [p10, p90] = quantile(costs, [0.1, 0.9]) as [number, number];
  const lower = { unit: 'instructions', better: 'lower' } as const;
  const tail = { ...lower, better: 'none', noise: TAIL_NOISE } as const;
  t.metric({ name: metric, value: median, ...lower });
  t.metric({ name: `${metric}.p10`, value: p10, ...tail });
  t.metric({ name: `${metric}.p90`, value: p90, ...tail });
  t.metric({ name: 'cpu', value: cpuTime / (costs.length * depth), ...lower, noise: CPU_NOISE });
  t.metric({ name: 'syscalls', value: calls / depth, unit: 'calls', better: 'lower' });
}

/** Work that submits the full queue of a ring. */
function ringWork({ ring, release, turn = {} }: LoadedRing): TurnWork {
  const depth = ring.params.sqEntries;
  return {
    metric: turn.trigger === undefined ? 'submit' : 'complete',
    depth,
    // The calls that submit, and one that waits for all completions.
    calls: (turn.apart ? depth : 1) + 1,
    clockOverhead: clockCost,
    run: (samples) => ring.measure(samples, turn),
    release,
  };
}

/**
 * Measures turns by the instruction clock and reports the metrics of the test, each per request: instructions (median of the
 * cheapest round; p10 and p90 of all rounds; the clock's overhead subtracted), CPU time including cleanup, and system calls. Few
 * samples contain an interrupt, so the median excludes it. `begin` sets up the work of a round; `pages`: pages of a request.
 */
export function measureInstructions(t: Test, begin: () => TurnWork, pages: number): Required<Measurement> {
  const rounds = roundsFor(pages);
  const medians: number[] = [];
  const results: RoundResults = { median: 0, costs: [], cpuTime: 0 };
  let sent = 0;
  for (let round = 0; round < rounds; round++) {
    const work = begin();
    const { depth } = work;
    const overhead = medianOverhead(work);
    using _filled = exhaustKmalloc4k();
    const { warmUp, counted } = turnsOf(t, defaultTurns(work, rounds, pages));
    if (warmUp > 0) work.run(new Float64Array(warmUp));
    const samples = new Float64Array(Math.ceil(counted / rounds));
    results.cpuTime += work.run(samples);
    work.release();
    const roundCosts = [...samples].map((ticks) => (ticks - overhead) / depth);
    medians.push(roundMedian(roundCosts, depth, pages));
    results.costs.push(...roundCosts);
    sent += (warmUp + samples.length) * depth;
    if (round === rounds - 1) reportMetrics(t, work, { ...results, median: Math.min(...medians) });
  }
  return { instructions: Math.min(...medians), sent };
}

/**
 * Measures submissions, or the calls in which requests complete after a trigger, by the clock of the cell (`ringlab bench --clock`).
 * `load` sets up a full ring; `pages`: pages of a request.
 */
export function measure(t: Test, load: () => LoadedRing, pages = 1): Measurement {
  if (t.lab.cell.facts.clock === 'time') return measureTime(t, load);
  return measureInstructions(t, () => ringWork(load()), pages);
}
