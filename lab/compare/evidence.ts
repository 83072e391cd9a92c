import type { Comparison, MetricChange, TestChange } from '../model/compare.ts';
import { mostFrequent, unexecuted, unprovenBy, wasExecuted } from '../model/evidence.ts';
import { isStreamResult } from '../model/result.ts';
import type { Allowed, Unproven } from '../model/unproven.ts';
import type { Couples } from './pairs.ts';

/** What the evidence of a comparison is judged by. */
export interface Evidence {
  kind: Comparison['kind'];
  couples: readonly Couples[];
  tests: readonly TestChange[];
  metrics: readonly MetricChange[];
  allowed: Allowed;
  /** Whether the later side is a benchmark. */
  isBench: boolean;
}

/** Tests or figures of several cells as one entry; none for no rows. */
function entry(code: Unproven['code'], rows: readonly { cell: string; reason?: string }[]): Unproven[] {
  if (rows.length === 0) return [];
  const reason = code === 'skipped' ? mostFrequent(rows.flatMap((row) => row.reason ?? [])) : undefined;
  const subjects = [...new Set(rows.map(({ cell }) => cell))];
  return [{ code, subjects, count: rows.length, ...(reason === undefined ? {} : { reason }) }];
}

/**
 * A test that was executed on the base, and of which the patched side shows no more than that it is skipped, or known to fail. That a series
 * chooses otherwise is shown by such a result.
 */
const isNewlySkipped = ({ base, patched, class: of }: TestChange): boolean =>
  base !== undefined &&
  wasExecuted(base) &&
  (patched === 'skip' || (base === 'pass' && patched === 'todo' && of !== 'choice'));

/** A result that stands for a flaw of a stream is no test: that it is gone is good. */
const isLoss = ({ name, base, change }: TestChange): boolean =>
  change === 'gone' && base !== undefined && wasExecuted(base) && !isStreamResult({ name, verdict: base });

/** A figure that only the base has, though its test passes: what the verdict of a test explains is no loss besides. */
function isLostFigure({ cell, name, base, patched }: MetricChange, tests: readonly TestChange[]): boolean {
  if (base === undefined || patched !== undefined) return false;
  return !tests.some(
    (test) => test.cell === cell && name.startsWith(`${test.name}.`) && test.patched !== 'pass',
  );
}

/** What the results on one patched kernel, `id`, do not prove. */
function ofKernel({ id, name }: { id: string; name: string }, evidence: Evidence): Unproven[] {
  const tests = evidence.tests.filter(({ kernel, patched }) => kernel === id && patched !== undefined);
  const results = tests.flatMap(({ patched: verdict, reason }) =>
    verdict === undefined ? [] : [{ verdict, reason }],
  );
  const none = unexecuted(name, results, evidence.allowed);
  if (none) return [none];
  const executed = results.filter(({ verdict }) => wasExecuted(verdict));
  if (executed.length === 0) return [];
  const shows = executed.some(({ verdict }) => verdict === 'pass' || verdict === 'todo');
  const regressed = tests.some(({ change }) => change === 'regressed');
  const hasFigure = evidence.metrics.some(({ kernel, patched }) => kernel === id && patched !== undefined);
  return [
    ...(shows || regressed
      ? []
      : [{ code: 'none-passed' as const, subjects: [name], count: executed.length }]),
    ...(evidence.isBench && !hasFigure ? [{ code: 'no-figure' as const, subjects: [name], count: 0 }] : []),
  ];
}

/** True where no test of the two runs is the same, so that nothing was compared. A base that skipped its suites has no names to share. */
const sharesNothing = ({ kind, tests }: Evidence): boolean =>
  kind === 'runs' &&
  tests.length > 0 &&
  !tests.some(({ base, patched }) => (base && patched) || base === 'skip');

/** What a comparison does not prove; empty where every patched kernel has its evidence, and all that the base shows is there. */
export function unprovenIn(evidence: Evidence): Unproven[] {
  const { couples, tests, metrics, allowed } = evidence;
  const kernels = couples.flatMap(({ base, patched }) => [...(base ? [base] : []), ...patched]);
  const subjects = couples.flatMap(({ patched }) => patched);
  const failed = new Map(kernels.map(({ kernel }) => [kernel, unprovenBy(kernel)]));
  const built = subjects.filter(({ kernel }) => !kernel.failure);
  return [
    ...[...failed.values()].flatMap((each) => each ?? []),
    ...(subjects.length === 0 ? [{ code: 'no-test' as const, subjects: [], count: 0 }] : []),
    ...built.flatMap(({ kernel }) => ofKernel(kernel, evidence)),
    ...(allowed.skips ? [] : entry('skipped', tests.filter(isNewlySkipped))),
    ...(allowed.gone ? [] : entry('gone', tests.filter(isLoss))),
    ...(sharesNothing(evidence) ? [{ code: 'nothing-compared' as const, subjects: [], count: 0 }] : []),
    ...(allowed.gone
      ? []
      : entry(
          'figures-gone',
          metrics.filter((metric) => isLostFigure(metric, tests)),
        )),
  ];
}
