import { isResultOf } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';

/**
 * The tests that ran before a test in the same guest, in order: those that earlier attempts of its repeat and shard did not take, up to
 * the test. `test` is the name by which it is selected.
 */
export function precedingTests(
  { tests, attempts }: Pick<CellRecord, 'tests' | 'attempts'>,
  test: string,
): string[] {
  // Of a program with subtests only its own name can be selected.
  const names = [...new Set(tests.filter(({ verdict }) => verdict !== 'skip').map(({ name }) => name))];
  const order = names.map((name) => (isResultOf(name, test) ? test : name));
  const before = order.slice(0, Math.max(0, order.indexOf(test)));
  // The attempt that ran the test is the last one to which it was left.
  const [{ repeat, shard } = { repeat: 1, shard: undefined }] = attempts;
  const own = attempts.filter((attempt) => attempt.repeat === repeat && attempt.shard === shard);
  const index = own.findIndex(({ notBegun = [] }) => !notBegun.includes(test));
  const taken = index > 0 ? new Set(own[index - 1]?.notBegun ?? []) : undefined;
  return before.filter((name) => !taken || taken.has(name));
}

/**
 * The shortest sequence of earlier tests after which a test fails that passes alone, found by halving: undefined when it does not fail even
 * after all of them. Where no half alone is enough, what was left is the sequence.
 */
export async function shortestBefore(
  preceding: readonly string[],
  failsAfter: (tests: readonly string[]) => Promise<boolean>,
): Promise<readonly string[] | undefined> {
  if (preceding.length === 0 || !(await failsAfter(preceding))) return undefined;
  let left = preceding;
  while (left.length > 1) {
    const middle = Math.floor(left.length / 2);
    const [early, late] = [left.slice(0, middle), left.slice(middle)];
    if (await failsAfter(late)) left = late;
    else if (await failsAfter(early)) left = early;
    else break;
  }
  return left;
}
