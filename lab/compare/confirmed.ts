import type { TestChange } from '../model/compare.ts';
import type { Confirmation, Rerun } from '../model/confirm.ts';
import { isMixed, rateOf } from '../model/rate.ts';
import { isFailure, type Verdict } from '../model/verdict.ts';

/** A regressed test that was repeated: with what that says, where both outcomes were seen on one kernel. */
function withRates(row: TestChange): TestChange {
  const { base, patched } = row.rates ?? {};
  if (!base || !patched || !(isMixed(base) || isMixed(patched))) return row;
  return { ...row, confirmation: { outcome: 'flaky', base, patched } };
}

/** Adds to each regressed test what its repeats or reruns say. */
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
    if (row.change !== 'regressed') return row;
    if (!found) return withRates(row);
    const { outcome, base, patched, after, reason } = found;
    const more = { ...(after ? { after } : {}), ...(reason === undefined ? {} : { reason }) };
    return { ...row, confirmation: { outcome, base, patched, ...more } };
  });
}

/** A regressed test that reruns can say something of: it ran on both sides, is no end of a suite, and no repeat showed it to be flaky. */
export const canConfirm = ({ change, base, patched, name, confirmation }: TestChange): boolean =>
  change === 'regressed' &&
  confirmation === undefined &&
  base !== undefined &&
  base !== 'skip' &&
  base !== 'lost' &&
  patched !== undefined &&
  patched !== 'lost' &&
  isFailure(patched) &&
  !name.startsWith('(');

/** What a test's first runs and its reruns alone say. `alone`: it has failed only in its first run, so others before it may be the cause. */
export function judgeReruns(
  first: { base: Verdict; patched: Verdict },
  reruns: readonly Pick<Rerun, 'side' | 'verdict' | 'after'>[],
): Pick<Confirmation, 'outcome' | 'base' | 'patched'> & { alone: boolean } {
  const verdictsOf = (side: Rerun['side']) =>
    reruns.filter((rerun) => rerun.side === side && !rerun.after).map(({ verdict }) => verdict);
  const base = rateOf([first.base, ...verdictsOf('base')]);
  const patched = rateOf([first.patched, ...verdictsOf('patched')]);
  const isKnown = patched.runs > 1 && base.runs > 1;
  const outcome = isMixed(base) || isMixed(patched) ? 'flaky' : isKnown ? 'fails' : 'unknown';
  return { outcome, base, patched, alone: patched.failed === 1 && patched.runs > 1 && base.failed === 0 };
}
