import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import type { CellRecord } from '../model/run.ts';
import { nextAttempt, withLimit } from './next-attempt.ts';

const spec = {
  payload: { kind: 'agent', key: '' },
  suite: { sequence: false },
  attempt: 1,
} as unknown as CellSpec;
const lost = (notBegun: string[], verdict: CellRecord['verdict'] = 'crash') =>
  ({
    verdict,
    attempts: [{ notBegun }],
    tests: [
      { name: 'a', verdict: 'crash', reason: 'it panics' },
      ...notBegun.map((name) => ({ name, verdict: 'lost', reason: 'no result arrived: it panics' })),
    ],
  }) as unknown as CellRecord;

t.test('a fresh guest takes what a lost guest did not begin', (t) => {
  for (const kind of ['agent', 'programs'] as const) {
    const first = { ...spec, payload: { kind, key: '' } };
    const second = nextAttempt(first, lost(['c', 'd']), 20);
    t.match(second, { attempt: 2, tests: ['c', 'd'] }, kind);
    t.match(second && nextAttempt(second, lost(['d'], 'timeout'), 20), { attempt: 3, tests: ['d'] }, kind);
    t.equal(nextAttempt(first, lost([], 'done'), 20), undefined, `${kind}: attempt after a whole suite`);
  }
  t.end();
});

t.test(
  'no fresh guest is booted for a fault of the lab, without progress, or where tests depend on others',
  (t) => {
    t.equal(nextAttempt(spec, lost(['c'], 'lab-failed'), 20), undefined, 'attempt after a fault of the lab');
    t.equal(nextAttempt({ ...spec, tests: ['c'] }, lost(['c']), 20), undefined, 'attempt without progress');
    const sequence = { ...spec, suite: { ...spec.suite, sequence: true } };
    t.equal(nextAttempt(sequence, lost(['c']), 20), undefined, 'attempt of a sequence');
    const program = { ...spec, payload: { kind: 'program' as const, key: '' } };
    t.equal(nextAttempt(program, lost(['c']), 20), undefined, 'attempt of a single program');
    t.end();
  },
);

t.test('when the fresh guests are used up, the rest is lost for that reason', (t) => {
  const third = { ...spec, attempt: 3, tests: ['a', 'c', 'd'] };
  const result = lost(['c', 'd']);
  t.match(nextAttempt(third, result, 3), { attempt: 4 });
  t.equal(nextAttempt(third, result, 2), undefined);
  t.equal(withLimit(third, result, 3), result, 'a result that is not the last');
  t.match(withLimit(third, result, 2).tests, [
    { name: 'a', reason: 'it panics' },
    { name: 'c', reason: 'no result arrived: it panics; --restarts 2 fresh guests are used up' },
    { name: 'd', reason: /used up/ },
  ]);
  t.match(withLimit(spec, result, 0).tests, [{}, { reason: /it panics; --restarts 0$/ }, {}]);
  t.equal(nextAttempt(spec, result, 0), undefined, 'attempt with --restarts 0');
  const isolated = { ...third, most: 1 };
  t.match(
    nextAttempt(isolated, result, 0),
    { attempt: 4, most: 1 },
    'attempt of a cell with a guest per test',
  );
  t.equal(withLimit(isolated, result, 0), result);
  t.end();
});
