import fc from 'fast-check';
import stringWidth from 'string-width';
import t from 'tap';
import type { EventBody } from '../../model/event.ts';
import { UNSAFE } from '../../model/visible.ts';
import { cellEnd, cellStart, inTests, planned, runStart, testEnd, timed } from '../testing/events.ts';
import type { Estimate } from './estimate.ts';
import { frame } from './layout.ts';
import { IDLE, nextState } from './state.ts';
import type { Piece } from './text.ts';

const after = (...events: EventBody[]) => timed(events).reduce(nextState, IDLE);
const textOf = (line: readonly Piece[]) => line.map(({ text }) => text).join('');

/** The lines of the view 100 s after the first event. */
const view = (events: readonly EventBody[], size: { columns: number; rows: number }, estimate?: Estimate) =>
  frame(after(...events), estimate, size, 100_000).map(textOf);

const [A, B] = ['debian-6.12/iommu-strict/passthrough', 'debian-6.12+sqe-group/iommu-strict/passthrough'];
const NAMES = ['a read returns what was written', 'a write beyond the end fails with EINVAL', 'c', 'd'];
const RUN = [
  runStart(2),
  planned('k/plain/s', A, B),
  cellStart('k/plain/s'),
  cellEnd('k/plain/s', 9000, { x: 'pass', y: 'fail', z: 'skip' }),
  ...inTests(A, NAMES),
  testEnd(A, NAMES[0] ?? '', 'pass'),
  cellStart(B),
  { type: 'guest.start' as const, guest: B, commandLine: [] },
];

t.test('each cell has a line with name and time and one with counts and current test', (t) => {
  t.same(view(RUN, { columns: 80, rows: 24 }, { ms: 65_000, isWhole: true }), [
    'debian-6.12/iommu-strict/passthrough                                       1:36',
    '  1/4: 1 passed  a write beyond the end fails with EINVAL',
    'debian-6.12+sqe-group/iommu-strict/passthrough                             1:31',
    '  boots',
    '1/3 cells  2 passed, 1 failed, 1 skipped  about 65 s left                  1:40',
  ]);
  t.end();
});

t.test('with 40 columns names are shortened in the middle and the counts of the run go first', (t) => {
  t.same(view(RUN, { columns: 40, rows: 24 }, { ms: 65_000, isWhole: true }), [
    'debian-6.12/iommu…rict/passthrough 1:36',
    '  1/4: 1 passed  a write beyond the en…',
    'debian-6.12+sqe-g…rict/passthrough 1:31',
    '  boots',
    '1/3 cells  about 65 s left         1:40',
  ]);
  t.end();
});

t.test('a cell without announced tests shows the test that ended last; one after its tests ends', (t) => {
  const silent = [
    ...inTests('k/plain/s'),
    testEnd('k/plain/s', 'x', 'pass'),
    testEnd('k/plain/s', 'y', 'skip'),
  ];
  t.equal(view(silent, { columns: 60, rows: 24 })[1], '  1 passed, 1 skipped  after y');
  t.equal(view(inTests('k/plain/s'), { columns: 60, rows: 24 })[1], '  runs the suite');
  const done = [...inTests('k/plain/s', ['x']), testEnd('k/plain/s', 'x', 'todo')];
  t.equal(view(done, { columns: 60, rows: 24 })[1], '  1/1: 1 todo  ends');
  t.end();
});

t.test('builds show percent, waits and counts without a total', (t) => {
  const events: EventBody[] = [
    { type: 'source.progress', source: 'debian-6.12', action: 'unpack', done: 5000 },
    { type: 'image.start', recipe: 'minimal', packages: 12 },
    { type: 'lock.wait', for: 'image', subject: 'minimal' },
  ];
  t.same(view(events, { columns: 60, rows: 24 }), [
    'source debian-6.12: 5000 files unpacked                1:40',
    'image minimal: waits for another ringlab               1:38',
  ]);
  const target = 'drivers/iommu/intel/irq_remapping_of_a_long_name.o';
  const build: EventBody[] = [
    { type: 'kernel.start', kernel: 'debian-6.12', compiler: 'gcc' },
    { type: 'kernel.progress', kernel: 'debian-6.12', target, done: 890, total: 2076 },
  ];
  t.same(view(build, { columns: 80, rows: 24 }), [
    'kernel debian-6.12: 42% (890/2076) drivers/iommu/intel…ng_of_a_long_name.o 1:40',
  ]);
  t.end();
});

t.test('a run before its first cell, and one that ends early, say so', (t) => {
  t.match(view([runStart(2)], { columns: 60, rows: 24 }), [/^prepares kernels and guests +1:40$/]);
  const ending = { ...after(...RUN), isEnding: true };
  const lines = frame(ending, undefined, { columns: 60, rows: 24 }, 100_000).map(textOf);
  t.equal(lines.at(-1), 'ends what runs; Ctrl-C again leaves at once');
  t.end();
});

t.test('a run over mutants says how many were killed, and that its cells may end early', (t) => {
  const lines = view(
    [
      runStart(2),
      cellStart(A),
      cellEnd(A, 5000, { x: 'pass' }),
      { type: 'cells.progress', done: 1, total: 9 },
      { type: 'mutant.end', mutant: 'm', fault: 'x', killed: true },
      cellStart(B),
    ],
    { columns: 80, rows: 24 },
  );
  t.match(lines.at(-1), /^1 of at most 9 cells {2}mutants: 1 killed {2}1 passed +1:40$/);
  t.end();
});

/** Cells that all run, each in its first test. */
const many = (count: number) => {
  const cells = Array.from({ length: count }, (_, index) => `debian-6.12/profile-${index}/passthrough`);
  return [runStart(count), planned(...cells), ...cells.flatMap((cell) => inTests(cell, NAMES))];
};

t.test('200 cells take one line each, as many as two thirds of the terminal hold', (t) => {
  const lines = view(many(200), { columns: 80, rows: 24 });
  t.equal(lines.length, 16);
  t.equal(lines[0], 'debian-6.12/profile-0/passthrough  0/4  a read returns what was written    1:38');
  t.equal(lines.at(-2), 'and 186 more');
  t.match(lines.at(-1), /^0\/200 cells/);
  t.end();
});

t.test('a low terminal shows the line of the run, one of a single row nothing', (t) => {
  t.match(view(many(200), { columns: 80, rows: 3 }), [/^200 more$/, /^0\/200 cells/]);
  t.match(view(many(200), { columns: 80, rows: 2 }), [/^0\/200 cells/]);
  t.same(view(many(200), { columns: 80, rows: 1 }), []);
  t.end();
});

t.test('no line is wider than the terminal, whatever names and size', (t) => {
  const cluster = fc.constantFrom(
    ...[
      'a',
      '/',
      ' ',
      '日本',
      'e\u0301',
      '\u0301',
      '👩‍👩‍👧',
      '🇩🇪',
      '\u202e',
      '\u001b[2J',
      '\n',
      'ﷺ',
      '한',
      '\t',
    ],
  );
  const name = fc.array(cluster, { maxLength: 120 }).map((parts) => parts.join(''));
  const size = fc.record({
    columns: fc.integer({ min: 1, max: 130 }),
    rows: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(name, name, size, fc.integer({ min: 1, max: 12 }), (first, second, terminal, count) => {
      const cells = Array.from({ length: count }, (_, index) => `${first}${index}/plain/s`);
      const events: EventBody[] = [
        { type: 'kernel.progress', kernel: second, target: first, done: 1, total: 3 },
        runStart(count),
        ...cells.flatMap((cell) => inTests(cell, [second, first])),
      ];
      const lines = view(events, terminal, { ms: 1e6, isWhole: true });
      if (lines.length >= terminal.rows) throw new Error(`${lines.length} lines`);
      for (const line of lines) {
        if (stringWidth(line) >= terminal.columns) throw new Error(`${stringWidth(line)}: ${line}`);
        if (line.match(UNSAFE)) throw new Error(`unsafe: ${JSON.stringify(line)}`);
      }
    }),
    { numRuns: 200 },
  );
  t.end();
});
