import type { CellSpec } from '../model/cell.ts';

/** Fewest tests that are worth a guest of their own: its boot takes as long as some ten programs. */
const MIN_TESTS = 20;

/**
 * Shares the tests of folders of programs over guests where fewer cells than `jobs` are to run. Every shard takes each n-th test, since
 * long tests often stand next to each other. Cells of other suites stay whole. `testsOf`: the tests of a suite by name; `only` narrows
 * them as it does in the guest.
 */
export function shardSpecs(
  specs: readonly CellSpec[],
  jobs: number,
  testsOf: ReadonlyMap<string, readonly string[]>,
): CellSpec[] {
  const guests = Math.floor(jobs / Math.max(1, specs.length));
  return specs.flatMap((spec) => {
    const all = testsOf.get(spec.suite.name) ?? [];
    const tests = all.filter(
      (name) => spec.only.length === 0 || spec.only.some((part) => name.includes(part)),
    );
    const count = Math.min(guests, Math.floor(tests.length / MIN_TESTS));
    if (spec.payload.kind !== 'programs' || count < 2) return [spec];
    return Array.from({ length: count }, (_, index) => ({
      ...spec,
      shard: index + 1,
      tests: tests.filter((_name, position) => position % count === index),
    }));
  });
}
