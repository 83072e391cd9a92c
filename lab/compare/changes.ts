import type { Change } from '../model/compare.ts';
import type { TestResult } from '../model/result.ts';
import type { Verdict } from '../model/verdict.ts';

/**
 * What a pair of verdicts means, base first, patched second, and why:
 * - From any failure to a pass is `fixed`; from anything that did not fail to any failure is `regressed`. That holds for a
 *   skipped or expected-to-fail test too: it was not seen to fail, and with the series it does.
 * - An expected failure (todo) that passes is `fixed`: the known fault is gone.
 * - Among failures, one that now kills the kernel is `regressed`: the series made it worse. Not so from `lost`, whose result is
 *   not known. Every other move between failures is `changed`.
 * - A test that no longer runs (to skip or todo) proves nothing, so it is `changed`, never `fixed`.
 * - A pass with another correct behaviour is `changed`, never `regressed` (`changeOf`).
 * - A choice of a series that differs (todo) and one that does not (pass) are `changed` either way (`changeOf`).
 * - Skip to pass is `changed`: it runs now. `changeOf` calls it `new` where the base skipped because it lacks the feature.
 */
export const CHANGES: Record<Verdict, Record<Verdict, Change>> = {
  pass: row('same', 'regressed', 'changed', 'changed', 'regressed', 'regressed', 'regressed'),
  fail: row('fixed', 'same', 'changed', 'changed', 'changed', 'regressed', 'changed'),
  skip: row('changed', 'regressed', 'same', 'changed', 'regressed', 'regressed', 'regressed'),
  todo: row('fixed', 'regressed', 'changed', 'same', 'regressed', 'regressed', 'regressed'),
  timeout: row('fixed', 'changed', 'changed', 'changed', 'same', 'regressed', 'changed'),
  crash: row('fixed', 'changed', 'changed', 'changed', 'changed', 'same', 'changed'),
  lost: row('fixed', 'changed', 'changed', 'changed', 'changed', 'changed', 'same'),
};

function row(
  pass: Change,
  fail: Change,
  skip: Change,
  todo: Change,
  timeout: Change,
  crash: Change,
  lost: Change,
): Record<Verdict, Change> {
  return { pass, fail, skip, todo, timeout, crash, lost };
}

/** What a comparison looks at in one result. */
type Seen = Pick<TestResult, 'verdict' | 'lacks' | 'behaviour' | 'class'>;

/** How a test changed; a side that does not have it is undefined. At least one side must have it. */
export function changeOf(base: Seen | undefined, patched: Seen | undefined): Change {
  if (!base) return 'new';
  if (!patched) return 'gone';
  const lacked = base.verdict === 'skip' && base.lacks !== undefined;
  // A choice that differs (todo) is no fault, so that neither side is better.
  const isChoice = (patched.class ?? base.class) === 'choice';
  const ends = isChoice ? ['pass', 'todo'] : ['pass'];
  if (lacked && ends.includes(patched.verdict)) return 'new';
  if (isChoice && base.verdict === 'todo' && patched.verdict === 'pass') return 'changed';
  const bothPass = base.verdict === 'pass' && patched.verdict === 'pass';
  if (bothPass && base.behaviour !== patched.behaviour) return 'changed';
  return CHANGES[base.verdict][patched.verdict];
}
