/** Rates of failures and their intervals. */
import t from 'tap';
import { isMixed, type Rate, rateInterval, rateOf, rateWords } from './rate.ts';

t.test('a skip and a lost result are neither a pass nor a failure', (t) => {
  t.same(rateOf(['pass', 'fail', 'skip', 'crash', 'lost', undefined, 'timeout', 'todo']), {
    failed: 3,
    runs: 5,
  });
  t.same(rateOf([]), { failed: 0, runs: 0 });
  t.same(
    [0, 1, 3].map((failed) => isMixed({ failed, runs: 3 })),
    [false, true, false],
  );
  t.end();
});

t.test('the interval is that of the literature', (t) => {
  // Computed with the formula of Wilson (1927) by hand.
  for (const [failed, runs, low, high] of [
    [3, 15, 0.0705, 0.4519],
    [0, 20, 0, 0.1611],
    [20, 20, 0.8389, 1],
    [50, 100, 0.4038, 0.5962],
  ] as const) {
    const [from, to] = rateInterval({ failed, runs });
    t.ok(Math.abs(from - low) < 5e-4 && Math.abs(to - high) < 5e-4, `${failed} of ${runs}: ${from} to ${to}`);
  }
  t.same(rateInterval({ failed: 0, runs: 0 }), [0, 1], 'nothing is known');
  t.end();
});

/** Probability of each number of failures among `runs`. */
function binomial(runs: number, share: number): number[] {
  const odds = [(1 - share) ** runs];
  for (let failed = 1; failed <= runs; failed++)
    odds.push(((odds[failed - 1] ?? 0) * (runs - failed + 1) * share) / (failed * (1 - share)));
  return odds;
}

t.test('it contains the true share in about 95 of 100 cases', (t) => {
  for (const runs of [10, 20, 50, 200])
    for (const share of [0.05, 0.2, 0.5, 0.9]) {
      const contains = (rate: Rate) => {
        const [low, high] = rateInterval(rate);
        return low <= share && share <= high;
      };
      const odds = binomial(runs, share).filter((_odd, failed) => contains({ failed, runs }));
      const coverage = odds.reduce((sum, odd) => sum + odd, 0);
      t.ok(coverage > 0.9, `${runs} runs of a test that fails in ${share}: ${coverage.toFixed(3)}`);
    }
  t.end();
});

t.test('for people it has an interval where that says something', (t) => {
  t.equal(rateWords({ failed: 1, runs: 3 }), '1 of 3');
  t.equal(rateWords({ failed: 3, runs: 15 }), '3 of 15 (7% to 45%)');
  t.end();
});
