/**
 * Finds the first bad candidate between candidate 0, which is good, and candidate `last`, which is bad, in about log2(last) trials.
 * A candidate that cannot be judged is left out, as by `git bisect skip`.
 * @param {number} last
 * @param {(candidate: number) => Promise<'good' | 'bad' | 'skip'>} judge called once for a candidate, never for 0 and `last`
 * @returns {Promise<number[]>} the first bad candidate; with those before it that were skipped, when one of them may be the first
 */
export async function narrow(last, judge) {
  let good = 0;
  let bad = last;
  const skipped = new Set();
  for (;;) {
    const middle = (good + bad) / 2;
    const open = Array.from({ length: bad - good - 1 }, (_, index) => good + 1 + index)
      .filter((candidate) => !skipped.has(candidate))
      .sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
    const [next] = open;
    if (next === undefined) break;
    const verdict = await judge(next);
    if (verdict === 'good') good = next;
    else if (verdict === 'bad') bad = next;
    else skipped.add(next);
  }
  return Array.from({ length: bad - good }, (_, index) => good + 1 + index);
}
