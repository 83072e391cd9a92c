/** Comparisons of runs with several kernels. */
import t from 'tap';
import { compareRecords, compareSides, hasSides } from './compare.ts';
import { outcomeOf } from './outcome.ts';
import { cell, kernel, record } from './testing/records.ts';

t.test('several kernels are told apart by the base they stem from', (t) => {
  const kernels = ['debian-6.1', 'debian-6.12'].flatMap((name) => [
    kernel('base', name),
    kernel('patched', `${name}+x`, name),
  ]);
  const cells = kernels.map(({ side, name }) =>
    cell(side, { a: name === 'debian-6.1+x' ? 'fail' : 'pass' }, { kernel: name }),
  );
  const { tests } = compareSides(record(cells, { kernels }));
  t.match(tests, [
    { cell: 'debian-6.1/plain/passthrough', change: 'regressed' },
    { cell: 'debian-6.12/plain/passthrough', change: 'same' },
  ]);
  t.equal(tests.length, 2);
  t.end();
});

t.test('kernels without a series are compared with the first', (t) => {
  const kernels = [kernel('base', 'a'), kernel('patched', 'b', 'a'), kernel('patched', 'c', 'a')];
  const verdict = { a: 'pass', b: 'fail', c: 'pass' } as const;
  const cells = kernels.map(({ side, name }) => cell(side, { x: verdict[name as 'a'] }, { kernel: name }));
  const two = compareSides(record(cells.slice(0, 2), { kernels: kernels.slice(0, 2) }));
  t.match(two.tests, [{ cell: 'plain/passthrough', base: 'pass', patched: 'fail', change: 'regressed' }]);
  const three = compareSides(record(cells, { kernels }));
  t.match(three.tests, [
    { cell: 'b/plain/passthrough', change: 'regressed' },
    { cell: 'c/plain/passthrough', change: 'same' },
  ]);
  const failure = { verdict: 'build-failed' as const, message: 'no', detail: '' };
  const broken = kernels.map((one) => (one.name === 'b' ? { ...one, failure } : one));
  const without = compareSides(
    record(
      [cells[0], cells[2]].flatMap((one) => one ?? []),
      { kernels: broken },
    ),
  );
  t.match(without.tests, [{ cell: 'c/plain/passthrough', change: 'same' }]);
  t.match(without.unproven, [{ code: 'kernel-failed', subjects: ['b'] }]);
  t.end();
});

t.test('a run with more kernels than a comparison shows has no sides', (t) => {
  const kernels = [
    kernel('base', 'a'),
    ...['b', 'c', 'd', 'e', 'f'].map((name) => kernel('patched', name, 'a')),
  ];
  const run = record([], { kernels });
  t.equal(hasSides(run), false);
  t.throws(() => compareSides(run), { exitCode: 2, message: /more than 4 kernels/ });
  t.equal(hasSides(record([], { kernels: kernels.slice(0, 5) })), true);
  t.end();
});

t.test('the kernels of two runs are paired by name where there are several', (t) => {
  const kernels = [kernel('base', 'a'), kernel('patched', 'b', 'a'), kernel('patched', 'c', 'a')];
  const cells = (b: 'pass' | 'fail') => [
    cell('patched', { x: b }, { kernel: 'b' }),
    cell('patched', { x: 'pass' }, { kernel: 'c' }),
  ];
  const { tests } = compareRecords(record(cells('pass'), { kernels }), record(cells('fail'), { kernels }));
  t.match(tests, [
    { kernel: 'b', change: 'regressed' },
    { kernel: 'c', change: 'same' },
  ]);
  t.equal(tests.length, 2);
  t.end();
});

t.test('two patched kernels without their bases are reported, not compared', (t) => {
  const kernels = [kernel('patched', 'a+s', 'a'), kernel('patched', 'b+s', 'b')];
  const cells = kernels.map(({ id }) => cell('patched', { x: 'pass' }, { kernel: id }));
  t.same(outcomeOf(record(cells, { kernels })), { exitCode: 0 });
  t.end();
});
