import type { TestChange } from '../model/compare.ts';
import type { Confirmation, Rate, Rerun } from '../model/confirm.ts';
import { isFailure, type Verdict } from '../model/verdict.ts';

/** Adds to each regressed test what its reruns say. */
export function withConfirmations(
  tests: readonly TestChange[],
  confirmations: readonly Confirmation[],
): TestChange[] {
  const keyOf = (kernel: string, profile: string, suite: string, test: string) =>
    JSON.stringify([kernel, profile, suite, test]);
  const byTest = new Map(
    confirmations.map((each) => [keyOf(each.kernel, each.profile, each.suite, each.test), each]),
  );
  return tests.map((row): TestChange => {
    const found = byTest.get(keyOf(row.kernel, row.profile, row.suite, row.name));
    if (!found || row.change !== 'regressed') return row;
    const { outcome, base, patched, after, reason } = found;
    const more = { ...(after ? { after } : {}), ...(reason === undefined ? {} : { reason }) };
    return { ...row, confirmation: { outcome, base, patched, ...more } };
  });
}

/** A regressed test that reruns can say something of: it ran on both sides, and is no end of a suite. */
export const canConfirm = ({ change, base, patched, name }: TestChange): boolean =>
  change === 'regressed' &&
  base !== undefined &&
  base !== 'skip' &&
  base !== 'lost' &&
  patched !== undefined &&
  patched !== 'lost' &&
  isFailure(patched) &&
  !name.startsWith('(');

function rateOf(first: Verdict, verdicts: readonly (Verdict | undefined)[]): Rate {
  // A skip, or a result that did not come, is neither outcome.
  const seen = [first, ...verdicts].filter(
    (verdict) => verdict !== undefined && verdict !== 'skip' && verdict !== 'lost',
  );
  return { failed: seen.filter((verdict) => verdict && isFailure(verdict)).length, runs: seen.length };
}

const isMixed = ({ failed, runs }: Rate) => failed > 0 && failed < runs;

/** What a test's first runs and its reruns alone say. `alone`: it has failed only in its first run, so others before it may be the cause. */
export function judgeReruns(
  first: { base: Verdict; patched: Verdict },
  reruns: readonly Pick<Rerun, 'side' | 'verdict' | 'after'>[],
): Pick<Confirmation, 'outcome' | 'base' | 'patched'> & { alone: boolean } {
  const verdictsOf = (side: Rerun['side']) =>
    reruns.filter((rerun) => rerun.side === side && !rerun.after).map(({ verdict }) => verdict);
  const base = rateOf(first.base, verdictsOf('base'));
  const patched = rateOf(first.patched, verdictsOf('patched'));
  const isKnown = patched.runs > 1 && base.runs > 1;
  const outcome = isMixed(base) || isMixed(patched) ? 'flaky' : isKnown ? 'fails' : 'unknown';
  return { outcome, base, patched, alone: patched.failed === 1 && patched.runs > 1 && base.failed === 0 };
}
