import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { EventBody } from '../../model/event.ts';
import { cellEnd, cellStart, headOf, planned, runStart, timed } from '../testing/events.ts';
import { clockWords, durationWords, roughWords } from './duration.ts';
import { earlierDurations } from './earlier.ts';
import { cellKey, timeLeft } from './estimate.ts';
import { IDLE, nextState } from './state.ts';
import { leftWords } from './summary.ts';

const after = (...events: EventBody[]) => timed(events).reduce(nextState, IDLE);
const NOTHING = new Map<string, number>();
const [A, B, C, D] = ['k/plain/s', 'l/plain/s', 'k/swiotlb/s', 'l/swiotlb/s'];

t.test('nothing is estimated before the time of any cell is known', (t) => {
  const state = after(runStart(1), planned(A, B), cellStart(A));
  t.equal(timeLeft(state, NOTHING, 100_000), undefined);
  t.equal(timeLeft(IDLE, NOTHING, 0), undefined);
  t.end();
});

t.test('cells take as long as equal cells of this run, one after the other in each slot', (t) => {
  // Events at 0 to 4 s.
  const events = [runStart(1), planned(A, B, C, D), cellStart(A), cellEnd(A, 20_000), cellStart(B)];
  t.same(timeLeft(after(...events), NOTHING, 10_000), { ms: 14_000, isWhole: false }, 'swiotlb is unknown');
  const earlier = new Map([[cellKey({ profile: 'swiotlb', suite: 's' }), 30_000]]);
  t.same(timeLeft(after(...events), earlier, 10_000), { ms: 14_000 + 60_000, isWhole: true });
  const [, ...rest] = events;
  t.same(timeLeft(after(runStart(2), ...rest), earlier, 10_000), { ms: 14_000 + 30_000, isWhole: true });
  t.same(timeLeft(after(runStart(1e9), ...rest), earlier, 10_000), { ms: 30_000, isWhole: true });
  t.end();
});

t.test('a cell that takes longer than usual, or crashed, gives no estimate', (t) => {
  const events = [runStart(1), planned(A, B), cellStart(A), cellEnd(A, 20_000), cellStart(B)];
  t.equal(timeLeft(after(...events), NOTHING, 30_000), undefined);
  const crashed = [runStart(1), planned(A, B), cellStart(A), cellEnd(A, 1000, {}, 'crash'), cellStart(B)];
  t.equal(timeLeft(after(...crashed), NOTHING, 4000), undefined);
  t.end();
});

t.test('earlier runs count when machine, tests and jobs are the same, by accelerator', async (t) => {
  const runs = t.testdir({ 'notes.txt': 'x' });
  const save = (id: string, text: string) => {
    mkdirSync(join(runs, id));
    writeFileSync(join(runs, id, 'run.json'), text);
  };
  const record = (totalMs: number, more: object = {}) => {
    const attempts = [{ repeat: 1, attempt: 1, verdict: 'done', timings: { totalMs }, artefacts: [] }];
    const accel = { kind: 'tcg', reason: 'x' };
    return JSON.stringify({
      ...{ ...headOf(2), accel, cells: [{ profile: 'plain', suite: 's', attempts }] },
      ...more,
    });
  };
  save('20260101T000000Z-a', record(10_000));
  save('20260102T000000Z-a', record(12_000));
  save('20260103T000000Z-a', record(50_000, { accel: { kind: 'kvm', reason: 'x' } }));
  save('20260104T000000Z-a', record(900_000, { plan: { ...headOf(2).plan, only: ['x'] } }));
  save('20260105T000000Z-a', 'no JSON');
  save('20260106T000000Z-a', record(1));
  const key = cellKey({ profile: 'plain', suite: 's' });
  const durations = await earlierDurations(join(runs, '20260106T000000Z-a'), headOf(2));
  t.same([durations.get('tcg')?.get(key), durations.get('kvm')?.get(key)], [11_000, 50_000]);
  t.equal((await earlierDurations(join(runs, 'x'), headOf(3))).size, 0, 'another number of jobs');
  t.equal((await earlierDurations(join(runs, 'none/x'), headOf(2))).size, 0, 'no folder');
});

t.test('times are worded as exactly as they are known', (t) => {
  t.same([0, 34_000, 725_999, 3_723_000].map(clockWords), ['0:00', '0:34', '12:05', '1:02:03']);
  t.same([18_449, 99_949, 200_000, 3_720_000].map(durationWords), [
    ...['18.4 s', '99.9 s', '3 min 20 s', '1 h 2 min'],
  ]);
  t.same(
    [100, 12_000, 88_000, 100_000, 3_590_000, 4_300_000].map((ms) => roughWords(ms)),
    ['5 s', '10 s', '90 s', '2 min', '1 h', '1 h 10 min'],
  );
  t.equal(leftWords({ ms: 200_000, isWhole: true }), 'about 3 min left');
  t.equal(leftWords({ ms: 47_000, isWhole: false }), 'more than 45 s left');
  t.equal(leftWords({ ms: 3000, isWhole: false }), undefined);
  t.end();
});
