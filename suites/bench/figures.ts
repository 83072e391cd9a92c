import { chunk, mean, median, quantile } from 'simple-statistics';
import { clockCost, type Test } from '../lib/index.ts';
import { type Loaded, type Measured, type Turns, turnsOf, type Work } from './loaded.ts';
import { fillSlabs } from './slab.ts';
import { takeTimes } from './times.ts';

/** Pages in a segment of bounce buffers, along which what each costs goes up and down (see settle): a round walks over all. */
const SEGMENT = 64;

/** Turns that are counted in all, and warmed up for in each round. Deep queues give as many requests with fewer. */
const usualTurns = ({ depth, least = 16 }: Work, rounds: number, pages: number): Turns =>
  depth > 1
    ? { warmUp: 3, counted: 12 * rounds }
    : { warmUp: 6, counted: Math.max(least, SEGMENT / pages) * rounds };

/** Median of a round. Of deep queues that take part of a segment each, those that take one together are as one, wherever it began. */
function middle(costs: number[], depth: number, pages: number): number {
  const together = depth > 1 ? Math.max(1, SEGMENT / (depth * pages)) : 1;
  return median(chunk(costs, together).map(mean));
}

/** What reading the clock twice takes by itself. */
function overhead({ clock }: Work): number {
  const samples = new Float64Array(101);
  clock(samples);
  return median([...samples]);
}

/** What boots of one kernel were seen to differ by: interrupts are in these, and what else is as it falls in time. */
const CPU_NOISE = 0.05;
const TAIL_NOISE = 0.01;

/**
 * What a boot left in slabs, pools and tables decides whether a request now and then takes a slower way, and it does so for as long as
 * everything stays where it is. So a workload is set up several times, and the cheapest counts.
 */
const roundsFor = (pages: number) => Math.min(2 + pages, 4);

/** What the rounds of a workload came to, for one request. */
interface Counted {
  /** Of the cheapest round. */
  median: number;
  costs: number[];
  cpuTime: number;
}

function tell(t: Test, { name, depth, calls }: Work, { median, costs, cpuTime }: Counted): void {
  const [p10, p90] = quantile(costs, [0.1, 0.9]) as [number, number];
  const lower = { unit: 'instructions', better: 'lower' } as const;
  const tail = { ...lower, better: 'none', noise: TAIL_NOISE } as const;
  t.metric({ name, value: median, ...lower });
  t.metric({ name: `${name}.p10`, value: p10, ...tail });
  t.metric({ name: `${name}.p90`, value: p90, ...tail });
  t.metric({ name: 'cpu', value: cpuTime / (costs.length * depth), ...lower, noise: CPU_NOISE });
  t.metric({ name: 'syscalls', value: calls / depth, unit: 'calls', better: 'lower' });
}

/** The queue of a ring, submitted again and again. */
function onRing({ ring, end, turn = {} }: Loaded): Work {
  const depth = ring.params.sqEntries;
  return {
    name: turn.trigger === undefined ? 'submit' : 'complete',
    depth,
    // One to wait for the lot, after those that submit.
    calls: (turn.apart ? depth : 1) + 1,
    clock: clockCost,
    run: (samples) => ring.measure(samples, turn),
    end,
  };
}

/**
 * Measures what turns cost, and gives the test its figures, each for one request: instructions (median of the cheapest round, p10
 * and p90 of all; the clock's own subtracted), CPU time of everything, system calls. A sample in which an interrupt fell is one of
 * the few that the median does not see.
 */
export function countWork(t: Test, begin: () => Work, pages: number): Measured & { submit: number } {
  const rounds = roundsFor(pages);
  const medians: number[] = [];
  const all: Counted = { median: 0, costs: [], cpuTime: 0 };
  let sent = 0;
  for (let round = 0; round < rounds; round++) {
    const work = begin();
    const { depth } = work;
    const clock = overhead(work);
    using _filling = fillSlabs();
    const { warmUp, counted } = turnsOf(t, usualTurns(work, rounds, pages));
    if (warmUp > 0) work.run(new Float64Array(warmUp));
    const samples = new Float64Array(Math.ceil(counted / rounds));
    all.cpuTime += work.run(samples);
    work.end();
    const own = [...samples].map((ticks) => (ticks - clock) / depth);
    medians.push(middle(own, depth, pages));
    all.costs.push(...own);
    sent += (warmUp + samples.length) * depth;
    if (round === rounds - 1) tell(t, work, { ...all, median: Math.min(...medians) });
  }
  return { submit: Math.min(...medians), sent };
}

/**
 * Measures submissions, or calls in which a trigger's requests complete, by the clock that was asked for (`ringlab bench --clock`).
 * `pages`: what a request has of them.
 */
export function measure(t: Test, load: () => Loaded, pages = 1): Measured {
  if (t.lab.cell.facts.clock === 'time') return takeTimes(t, load);
  return countWork(t, () => onRing(load()), pages);
}
