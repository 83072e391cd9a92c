import { NOT_SELECTED } from './protocol.ts';
import type { TestResult } from './result.ts';
import type { KernelRecord, RunRecord } from './run.ts';
import { type Allowed, NOTHING_ALLOWED, type Unproven } from './unproven.ts';
import type { Verdict } from './verdict.ts';

/** Whether a test ran far enough to say anything about the kernel. */
export const wasExecuted = (verdict: Verdict): boolean => verdict !== 'skip' && verdict !== 'lost';

/** The value that occurs most, the earliest of several; undefined without any. */
export function mostFrequent(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

const reasonOf = (tests: readonly Pick<TestResult, 'reason'>[]) => {
  const reason = mostFrequent(tests.flatMap((test) => test.reason ?? []));
  return reason === undefined ? {} : { reason };
};

/** What a kernel's failure leaves open; undefined for a kernel that was built. */
export function unprovenBy({ name, failure }: Pick<KernelRecord, 'name' | 'failure'>): Unproven | undefined {
  if (!failure) return undefined;
  return {
    ...{ code: 'kernel-failed', subjects: [name], count: 1 },
    reason: `${failure.verdict}: ${failure.message}`,
  };
}

/** Why the results on one kernel are no evidence; undefined where a test was executed, or all were skipped and that is allowed. */
export function unexecuted(
  kernel: string,
  tests: readonly Pick<TestResult, 'verdict' | 'reason'>[],
  allowed: Allowed,
): Unproven | undefined {
  if (tests.some(({ verdict }) => wasExecuted(verdict))) return undefined;
  const facts = { subjects: [kernel], count: tests.length, ...reasonOf(tests) };
  if (tests.length === 0) return { code: 'no-test', ...facts };
  if (tests.some(({ verdict }) => verdict === 'lost')) return { code: 'all-lost', ...facts };
  if (tests.every(({ reason }) => reason?.startsWith(NOT_SELECTED)))
    return { code: 'not-selected', ...facts };
  return allowed.skips ? undefined : { code: 'all-skipped', ...facts };
}

/** The kernels that a run is about: its patched kernels, or its bases where it has no other. */
function mainKernels({ kernels }: Pick<RunRecord, 'kernels'>): KernelRecord[] {
  const patched = kernels.filter(({ side }) => side === 'patched');
  return patched.length > 0 ? patched : [...kernels];
}

/**
 * What a run on its own does not prove (a comparison has more). Of a run over mutants, which proves by what it kills, only the failure
 * of the kernel without a mutant.
 */
export function unprovenOf(record: RunRecord): Unproven[] {
  const { kernels, cells, plan, bench, mutants } = record;
  const failed = kernels
    .filter(({ side }) => !mutants || side === 'base')
    .flatMap((kernel) => unprovenBy(kernel) ?? []);
  if (mutants) return failed;
  if (kernels.length === 0) return [{ code: 'no-test', subjects: [], count: 0 }];
  const others = mainKernels(record).flatMap(({ id, name, failure }) => {
    if (failure) return [];
    const own = cells.filter(({ kernel }) => kernel === id);
    const tests = own.flatMap((cell) => cell.tests);
    const none = unexecuted(name, tests, plan?.allow ?? NOTHING_ALLOWED);
    if (none) return [none];
    const hasFigure = !bench || own.some(({ metrics }) => metrics.length > 0);
    if (hasFigure || !tests.some(({ verdict }) => wasExecuted(verdict))) return [];
    return [{ code: 'no-figure' as const, subjects: [name], count: 0 }];
  });
  return [...failed, ...others];
}
