import { outerNames, type TestResult } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';

/** The test results of several guests that shared the tests of a cell: a test that a guest did not begin counts only where none began it. */
function joinTests(parts: readonly CellRecord[]): TestResult[] {
  const joined = new Map<string, { test: TestResult; isBegun: boolean }>();
  for (const { tests, attempts } of parts) {
    const notBegun = new Set(attempts.flatMap((attempt) => attempt.notBegun ?? []));
    for (const test of tests) {
      const isBegun = !notBegun.has(test.name);
      const earlier = joined.get(test.name);
      const isWorse = isFailure(test.verdict) && !(earlier && isFailure(earlier.test.verdict));
      // Of several guests that did not begin it, the last says why.
      const isLater = !earlier?.isBegun;
      if (!earlier || isLater || (isBegun && isWorse)) joined.set(test.name, { test, isBegun });
    }
  }
  // A program that reports subtests has no result under its name where it ran.
  const parents = new Set([...joined.keys()].flatMap(outerNames));
  return [...joined].flatMap(([name, { test, isBegun }]) => (!isBegun && parents.has(name) ? [] : [test]));
}

/**
 * One record of the attempts and shards of one repeat of a cell, which had different tests; undefined without any. What broke one
 * attempt breaks the cell.
 */
export function joinAttempts(parts: readonly CellRecord[]): CellRecord | undefined {
  const [first] = parts;
  if (!first || parts.length === 1) return first;
  const broken = parts.find(({ verdict }) => verdict !== 'done');
  const { verdict, reason, detail } = broken ?? first;
  const { kernel, profile, suite } = first;
  const signatures = new Set<string>();
  return {
    ...{ kernel, profile, suite, verdict },
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail }),
    tests: joinTests(parts),
    complaints: parts
      .flatMap(({ complaints }) => complaints)
      .filter(({ signature }) => !signatures.has(signature) && signatures.add(signature)),
    metrics: parts.flatMap(({ metrics }) => metrics),
    attempts: parts.flatMap(({ attempts }) => attempts),
  };
}
