import t from 'tap';
import type { EventBody } from '../../model/event.ts';
import { cellEnd, cellStart, inTests, planned, runStart, testEnd, timed } from '../testing/events.ts';
import { currentTest, doneTests } from './cell-state.ts';
import { IDLE, isBusy, nextState } from './state.ts';

const after = (...events: EventBody[]) => timed(events).reduce(nextState, IDLE);
const [A, B] = ['k/plain/s', 'k/swiotlb/s'];

t.test('a build is work from its start to its end, with its progress and when it began', (t) => {
  const start: EventBody = { type: 'kernel.start', kernel: 'k', compiler: 'gcc' };
  const progress: EventBody = { type: 'kernel.progress', kernel: 'k', target: 'a.o', done: 1, total: 4 };
  t.equal(isBusy(IDLE), false);
  const built = after(start, progress);
  t.equal(isBusy(built), true);
  t.same(
    [...built.work.values()],
    [
      {
        ...{ kind: 'kernel', subject: 'kernel k', startedMs: 0, isWaiting: false },
        progress: { done: 1, total: 4, unit: 'targets', text: 'a.o' },
      },
    ],
  );
  t.equal(after(start, progress, { type: 'kernel.end', kernel: 'k', outcome: 'failed' }).work.size, 0);
  t.end();
});

t.test('of series that are applied one after the other only the last is shown', (t) => {
  const patch = (series: string, done: number): EventBody => ({
    ...{ type: 'series.progress', base: 'k', series, patch: 'x', done, total: 2 },
  });
  const { work } = after(patch('below', 0), patch('below', 1), patch('above', 0), patch('above', 1));
  t.same(
    [...work.values()].map(({ subject, startedMs, progress }) => [subject, startedMs, progress?.done]),
    [['source k+above', 2000, 1]],
  );
  t.end();
});

t.test('a lock that is waited for ends with whatever the other ringlab has left to do', (t) => {
  const wait: EventBody = { type: 'lock.wait', for: 'build', subject: 'k' };
  t.same(
    [...after(wait).work.values()].map(({ subject, isWaiting }) => ({ subject, isWaiting })),
    [{ subject: 'build k', isWaiting: true }],
  );
  const kernel = { id: 'k', name: 'k', side: 'base' as const, warnings: [], newWarnings: [] };
  t.equal(after(wait, { type: 'kernel.ready', kernel }).work.size, 0, 'it was in the store');
  t.same([...after(wait, { type: 'kernel.start', kernel: 'k', compiler: 'x' }).work.keys()], ['kernel k']);
  const image: EventBody = { type: 'lock.wait', for: 'image', subject: 'minimal' };
  const waited = after(image, { type: 'image.start', recipe: 'minimal', packages: 3 });
  t.same(
    [...waited.work.values()].map(({ isWaiting, startedMs }) => ({ isWaiting, startedMs })),
    [{ isWaiting: false, startedMs: 1000 }],
  );
  t.end();
});

t.test('shards of a suite are cells of their own', (t) => {
  const cells = [1, 2].map((shard) => ({ kernel: 'k', profile: 'plain', suite: 's', repeat: 1, shard }));
  const startOf = (shard: number): EventBody => {
    const start = cellStart(A);
    return start.type === 'cell.start'
      ? { ...start, cell: `${A}~${shard}`, spec: { ...start.spec, shard } }
      : start;
  };
  const plan: EventBody[] = [runStart(2), { type: 'cells.planned', cells }];
  const one = after(...plan, startOf(2));
  t.same([one.waiting.map(({ shard }) => shard), [...one.running.keys()]], [[1], [`${A}~2`]]);
  t.equal(after(...plan, startOf(2), startOf(1)).waiting.length, 0);
  t.end();
});

t.test('a cell goes from waiting through its phases to its end, and its tests are counted', (t) => {
  const plan = [runStart(2), planned(A, B)];
  t.equal(after(...plan).waiting.length, 2);
  const prepared = after(...plan, cellStart(A));
  t.same([prepared.waiting.length, prepared.running.get(A)?.phase], [1, 'prepare']);
  const booting = after(...plan, cellStart(A), { type: 'guest.start', guest: A, commandLine: [] });
  t.equal(booting.running.get(A)?.phase, 'boot');
  const working = [...plan, ...inTests(A, ['a', 'b', 'c', 'd'])];
  const cell = after(...working, testEnd(A, 'a', 'pass'), testEnd(A, 'b', 'lost')).running.get(A);
  t.same(cell?.counts, { passed: 1, failed: 1, skipped: 0, todo: 0 });
  t.equal(cell && currentTest(cell), 'c');
  // A complaint of the console may change a verdict at the end: the result counts.
  const ended = after(...working, testEnd(A, 'a', 'pass'), cellEnd(A, 9000, { a: 'crash', b: 'skip' }));
  t.same([ended.running.size, ended.waiting.length, ended.ended.length], [0, 1, 1]);
  t.same(ended.counts, { passed: 0, failed: 1, skipped: 1, todo: 0 });
  t.end();
});

/** The end of an attempt whose rest a fresh guest takes. */
function leaving(end: EventBody, notBegun: string[]): EventBody {
  if (end.type !== 'cell.end') throw new Error('no end of a cell');
  const attempts = end.result.attempts.map((attempt) => ({ ...attempt, notBegun }));
  return { ...end, result: { ...end.result, attempts }, continues: true };
}

t.test('what a fresh guest takes is counted when it ends there', (t) => {
  const first = leaving(cellEnd(A, 1000, { a: 'pass', b: 'crash', c: 'lost' }, 'crash'), ['c']);
  const between = after(runStart(1), planned(A), cellStart(A), first);
  t.same(between.counts, { passed: 1, failed: 1, skipped: 0, todo: 0 });
  t.same([between.ended.length, between.running.size], [0, 0]);
  const ended = after(
    runStart(1),
    planned(A),
    cellStart(A),
    first,
    cellStart(A),
    cellEnd(A, 1000, { c: 'pass' }),
  );
  t.same(ended.counts, { passed: 2, failed: 1, skipped: 0, todo: 0 });
  t.equal(ended.ended.length, 1);
  t.end();
});

t.test('the current test is the announced test after the one that ended last', (t) => {
  const names = ['a', 'b', 'c'];
  const test = (...ended: string[]) => {
    const cell = after(...inTests(A, names), ...ended.map((name) => testEnd(A, name, 'pass'))).running.get(A);
    return cell && currentTest(cell);
  };
  t.equal(test(), 'a');
  t.equal(test('a'), 'b');
  t.equal(test('a > part', 'a'), 'b', 'a result that was not announced');
  t.equal(test('b'), 'c', 'one was left out');
  t.equal(test('a', 'b', 'c'), undefined);
  t.equal(test('a', 'b > 1', 'b > 2'), 'b', 'a program whose subtests end goes on');
  t.equal(test('a > 1', 'b > 1', 'b > 2', 'c > 1'), 'c');
  const running = after(
    ...inTests(A, names),
    testEnd(A, 'a > 1', 'pass'),
    testEnd(A, 'b > 1', 'pass'),
  ).running.get(A);
  t.equal(running && doneTests(running), 1, 'programs that are done, not their subtests');
  const silent = after(...inTests(A), testEnd(A, 'x', 'pass')).running.get(A);
  t.equal(silent && currentTest(silent), undefined);
  t.equal(silent?.last, 'x');
  t.end();
});

t.test('a second plan replaces the first, but for what has begun', (t) => {
  const state = after(runStart(1), planned(A, B), cellStart(A), cellEnd(A, 1), planned(A, 'l/plain/s'));
  t.same(
    state.waiting.map(({ kernel }) => kernel),
    ['l'],
  );
  t.end();
});

t.test('cells of a kernel that could not be made end without having begun', (t) => {
  const state = after(runStart(1), cellEnd(A, 0, {}, 'apply-failed'), planned(B));
  t.same([state.ended.length, state.waiting.length], [1, 1]);
  t.end();
});

t.test('100,000 results of one cell are taken in linear time', (t) => {
  const names = Array.from({ length: 100_000 }, (_, index) => `test ${index}`);
  const begun = after(...inTests(A, names));
  const before = process.cpuUsage();
  const state = timed(names.map((name) => testEnd(A, name, 'pass'))).reduce(nextState, begun);
  const { user } = process.cpuUsage(before);
  t.equal(state.running.get(A)?.counts.passed, 100_000);
  t.ok(user < 3e6, `CPU time: ${user} us`);
  t.end();
});
