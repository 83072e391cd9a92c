import { availableParallelism } from 'node:os';
import type { CellSpec } from '../model/cell.ts';

/** Fewest tests that are worth a guest of their own: its boot takes as long as some ten programs. */
const MIN_TESTS = 20;

/** What is known of the tests of suites before they run, by the suite's name. */
export interface KnownTests {
  /** Names of the programs of folders. */
  names: ReadonlyMap<string, readonly string[]>;
  /** About how many tests a suite for the agent has. */
  counts: ReadonlyMap<string, number>;
}

const numbered = (length: number) => Array.from({ length }, (_, index) => index + 1);

/** The shards of a folder of programs, each with its tests by name. `only` narrows them as it does in the guest. */
function programShards(spec: CellSpec, guests: number, names: readonly string[]): CellSpec[] {
  const tests = names.filter(
    (name) => spec.only.length === 0 || spec.only.some((part) => name.includes(part)),
  );
  const count = Math.min(guests, Math.floor(tests.length / MIN_TESTS));
  if (count < 2) return [spec];
  return numbered(count).map((shard) => ({
    ...{ ...spec, shard },
    tests: tests.filter((_name, position) => position % count === shard - 1),
  }));
}

/** The shards of a suite for the agent, which chooses its tests in the guest: only there their names are known. */
function agentShards(spec: CellSpec, guests: number, tests: number, cores: number): CellSpec[] {
  // Unlike programs it keeps its CPUs busy: passthrough in two guests on two cores takes longer than in one.
  const free = Math.floor(cores / spec.profile.vcpus);
  const isWhole = spec.suite.sequence || spec.suite.boots || spec.most !== undefined || spec.only.length > 0;
  const shards = Math.min(guests, free, Math.floor(tests / MIN_TESTS));
  return isWhole || shards < 2 ? [spec] : numbered(shards).map((shard) => ({ ...spec, shard, shards }));
}

/**
 * Shares the tests of a suite over guests where fewer cells than `jobs` are to run. Every shard takes each n-th test, since long tests
 * often stand next to each other. Stays whole: a single program, a suite whose tests depend on each other or measure the boot, and a suite
 * for the agent of which only some tests are asked for.
 */
export function shardSpecs(
  specs: readonly CellSpec[],
  jobs: number,
  known: KnownTests,
  cores = availableParallelism(),
): CellSpec[] {
  const guests = Math.floor(jobs / Math.max(1, specs.length));
  return specs.flatMap((spec) => {
    const { kind } = spec.payload;
    if (kind === 'programs') return programShards(spec, guests, known.names.get(spec.suite.name) ?? []);
    const count = known.counts.get(spec.suite.name) ?? 0;
    return kind === 'agent' ? agentShards(spec, guests, count, cores) : [spec];
  });
}
