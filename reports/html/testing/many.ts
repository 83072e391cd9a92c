import type { TestChange } from '../../../lab/model/compare.ts';
import type { RunRecord } from '../../../lab/model/run.ts';
import type { Verdict } from '../../../lab/model/verdict.ts';
import { comparison, record } from '../../golden/sample.ts';
import type { PageInput } from '../input.ts';
import { KASAN } from './planted.ts';

interface Sides {
  base: Verdict;
  patched: Verdict;
  reason?: string;
}

/** A comparison of `count` tests over 20 suites, each with a console report as evidence. */
export function many(count: number, sidesOf: (index: number) => Sides, suffix = ''): PageInput {
  const [baseKernel = '', patchedKernel = ''] = record.kernels.map(({ id }) => id);
  const rows = Array.from({ length: count }, (_, index): TestChange => {
    const {
      base,
      patched,
      reason = `test ${index} fails: expected ${index}, got ${index + 1}`,
    } = sidesOf(index);
    const suite = `suite-${index % 20}`;
    return {
      ...{ cell: `plain/${suite}`, kernel: patchedKernel, profile: 'plain', suite, base, patched, reason },
      change: base === patched ? 'same' : 'regressed',
      name: `a command number ${index} of the suite completes with status 0 ${suffix}`,
    };
  });
  const cellsOf = (kernel: string, side: 'base' | 'patched'): RunRecord['cells'] =>
    Array.from({ length: 20 }, (_, index) => ({
      ...{
        kernel,
        profile: 'plain',
        suite: `suite-${index}`,
        verdict: 'done',
        complaints: [],
        metrics: [],
        attempts: [],
      },
      tests: rows
        .filter(({ suite }) => suite === `suite-${index}`)
        .map(({ name, ...row }) => ({ name, verdict: row[side] ?? 'pass', detail: `${KASAN}\n${suffix}` })),
    }));
  return {
    record: { ...record, cells: [...cellsOf(baseKernel, 'base'), ...cellsOf(patchedKernel, 'patched')] },
    comparison: { ...comparison, tests: rows, brokenCells: [], newComplaints: [] },
  };
}
