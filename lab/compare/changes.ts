import type { Change } from '../model/compare.ts';
import type { Verdict } from '../model/result.ts';

/**
 * What a pair of verdicts means, base first, patched second. Why it is as it is:
 * - From any failure to a pass is `fixed`; from anything that did not fail to any failure is `regressed`. That holds for a
 *   skipped or expected-to-fail test too: nobody had seen it fail, and with the series it does.
 * - An expected failure (todo) that passes is `fixed`: the known fault is gone.
 * - Among failures, one that now kills the kernel is `regressed`: the series made it worse. Not so from `lost`, of which
 *   nobody knows how it would have ended. Every other move between failures is `changed`.
 * - A test that no longer runs (to skip or todo) proves nothing, so it is `changed`, never `fixed`.
 * - A pass that saw another right behaviour is `changed`, never `regressed`. `changeOf` looks at that.
 * - Skip to pass is `changed`: it runs now. `changeOf` calls it `new` where the base skipped for want of the feature.
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

/** How the suites word a skip for want of what a series adds: `kernel has no IORING_REGISTER_MAP_BUFFERS`. */
const NO_FEATURE = /^(?:the )?kernel(?:'s struct \S+)? (?:has no|lacks|does not (?:have|know|support))\b/i;

/** What became of a test; a side that does not have it is undefined. At least one side must. */
export function changeOf(
  base: { verdict: Verdict; reason?: string | undefined; behaviour?: string | undefined } | undefined,
  patched: { verdict: Verdict; behaviour?: string | undefined } | undefined,
): Change {
  if (!base) return 'new';
  if (!patched) return 'gone';
  const lacked = base.verdict === 'skip' && NO_FEATURE.test(base.reason ?? '');
  if (lacked && patched.verdict === 'pass') return 'new';
  const bothPass = base.verdict === 'pass' && patched.verdict === 'pass';
  if (bothPass && base.behaviour !== patched.behaviour) return 'changed';
  return CHANGES[base.verdict][patched.verdict];
}
