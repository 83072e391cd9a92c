/** Thirty runs with planted faults, and what the history says of them. */
import { join } from 'node:path';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import t, { type Test } from 'tap';
import type { Verdict } from '../model/verdict.ts';
import { flakyTests } from './flaky.ts';
import { importFolders } from './import.ts';
import { metricHistories } from './metrics.ts';
import { type History, openHistory } from './open.ts';
import { storePlace } from './place.ts';
import { idOf, writeRun } from './testing/runs.ts';
import { testHistories } from './tests.ts';

const RUNS = 30;
/** From this run on `breaks` fails, and from that run on `read.cost` is half a percent higher. */
const BROKEN_FROM = 18;
const SLOW_FROM = 21;
/** A kernel is built for three nights in a row. */
const keyOf = (run: number) => `${Math.floor(run / 3)}`.padStart(64, 'b');

/** Thirty nights of one source. `flips` passes and fails on the same builds, `breaks` fails from one build on. */
async function plantedRuns(dir: string): Promise<void> {
  const random = xoroshiro128plus(7);
  const noise = () => 1 + (uniformInt(random, -1000, 1000) / 1000) * 0.0008;
  for (let number = 0; number < RUNS; number++) {
    const base: Record<string, Verdict> = {
      ...{ healthy: 'pass', skipped: 'skip', flips: number % 4 === 2 ? 'timeout' : 'pass' },
      breaks: number >= BROKEN_FROM ? 'fail' : 'pass',
    };
    const cost = number >= SLOW_FROM ? 7340 * 1.005 : 7340;
    const metrics = { 'read.cost': cost * noise(), 'write.cost': 9000 * noise(), 'poll.cost': 400 * noise() };
    await writeRun(dir, number, { base, metrics, baseKey: keyOf(number), payload: 'p1' });
  }
}

async function planted(t: Test): Promise<History> {
  const dir = t.testdir();
  await plantedRuns(dir);
  const history = await openHistory(storePlace(join(dir, 'history.db')));
  const { added } = await importFolders(history, [dir], { signal: new AbortController().signal });
  t.equal(added.length, RUNS, 'imported runs');
  return history;
}

t.test(
  'of 30 runs the one is named since which a test fails, and the last one in which it passed',
  async (t) => {
    await using history = await planted(t);
    const [breaks, ...others] = await testHistories(history, 'breaks');
    t.same(others, [], 'other histories');
    t.match(breaks, {
      failsSince: { run: idOf(BROKEN_FROM), kernel: 'debian-6.12', buildKey: keyOf(BROKEN_FROM) },
      passedLast: { run: idOf(BROKEN_FROM - 1) },
      streak: { outcome: 'fail', runs: RUNS - BROKEN_FROM },
      rate: { failed: RUNS - BROKEN_FROM, runs: RUNS },
      flips: 1,
    });
    const [healthy] = await testHistories(history, 'healthy');
    t.match(healthy, { streak: { outcome: 'pass', runs: RUNS }, flips: 0, flaky: false });
    t.notOk(healthy?.failsSince, 'a passing test fails since no run');
    const [skipped] = await testHistories(history, 'skipped');
    t.match(skipped, { rate: { failed: 0, runs: 0 }, flips: 0 });
    t.notOk(skipped?.streak, 'a skipped test has no streak');
  },
);

t.test('a test with both outcomes on one build is flaky, a regression is not', async (t) => {
  await using history = await planted(t);
  const flaky = await flakyTests(history);
  t.same(
    flaky.map(({ name }) => name),
    ['flips'],
    'flaky tests',
  );
  t.match(flaky[0], { kernel: 'debian-6.12', rate: { failed: 1, runs: 3 }, buildKey: /^b+\d+$/ });
  const [flips] = await testHistories(history, 'flips');
  t.match(flips, { flaky: true, rate: { failed: 7, runs: 30 } });
});

t.test('a slowdown of 0.5% is found at its run, and no other metric has a change point', async (t) => {
  await using history = await planted(t);
  const metrics = await metricHistories(history, 'cost');
  t.same(
    metrics.map(({ name, changes }) => [name, changes.map(({ at }) => at.run)]),
    [
      ['poll.cost', []],
      ['read.cost', [idOf(SLOW_FROM)]],
      ['write.cost', []],
    ],
    'change points by metric',
  );
  const change = metrics[1]?.changes[0];
  t.match(change, { index: SLOW_FROM, verdict: 'worse' });
  t.ok(Math.abs((change?.share ?? 0) - 0.005) < 0.001, `share of the change: ${change?.share}`);
});

t.test('only the newest runs count with a limit', async (t) => {
  await using history = await planted(t);
  const [breaks] = await testHistories(history, 'breaks', { last: 5 });
  t.match(breaks, { rate: { failed: 5, runs: 5 }, failsSince: { run: idOf(RUNS - 5) } });
  t.notOk(breaks?.passedLast, 'no pass in these runs');
  t.equal(breaks?.points.length, 5, 'points');
});

t.test('two outcomes with two builds of a suite are not flaky', async (t) => {
  const dir = t.testdir();
  await using history = await openHistory(storePlace(join(dir, 'history.db')));
  const baseKey = keyOf(0);
  await writeRun(dir, 0, { base: { a: 'pass' }, baseKey, payload: 'p1' });
  await writeRun(dir, 1, { base: { a: 'fail' }, baseKey, payload: 'p2' });
  const signal = new AbortController().signal;
  await importFolders(history, [dir], { signal });
  t.same(await flakyTests(history), [], 'flaky tests of two suites');
  await writeRun(dir, 2, { base: { a: 'pass' }, baseKey, payload: 'p2' });
  await importFolders(history, [dir], { signal });
  t.match(await flakyTests(history), [{ name: 'a', rate: { failed: 1, runs: 2 } }]);
});

t.test('a test that a rerun shows to be flaky in a single run is flaky', async (t) => {
  const dir = t.testdir();
  await using history = await openHistory(storePlace(join(dir, 'history.db')));
  const rerun = (verdict: Verdict) => ({ side: 'patched' as const, verdict, totalMs: 1, artefacts: [] });
  await writeRun(dir, 0, {
    ...{ base: { a: 'pass' }, patched: { a: 'fail' }, patchedKey: keyOf(1) },
    more: {
      confirmations: [
        {
          ...{ kernel: 'debian-6.12+x', profile: 'plain', suite: 'passthrough', test: 'a' },
          ...{ outcome: 'flaky', base: { failed: 0, runs: 1 }, patched: { failed: 2, runs: 3 } },
          reruns: [rerun('pass'), rerun('fail')],
        },
      ],
    },
  });
  await importFolders(history, [dir], { signal: new AbortController().signal });
  t.match(await flakyTests(history), [{ name: 'a', kernel: 'debian-6.12+x', rate: { failed: 2, runs: 3 } }]);
});
