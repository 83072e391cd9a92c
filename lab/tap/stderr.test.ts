/** Standard error of a suite, which comes over another stream than its results. */
import t from 'tap';
import type { TestResult } from '../model/result.ts';
import { type Ending, TapStream } from './index.ts';

/** A piece of standard output, or, as `[text]`, of standard error. */
type Piece = string | [string];

function read(pieces: readonly Piece[], ending: Ending = { code: 1 }): TestResult[] {
  const stream = new TapStream();
  for (const piece of pieces) {
    if (typeof piece === 'string') stream.write(Buffer.from(piece));
    else stream.writeStderr(Buffer.from(piece[0]));
  }
  return stream.end(ending);
}

/** The results, `name: detail` for each that has one. */
const details = (results: readonly TestResult[]) =>
  results.flatMap(({ name, detail }) => (detail === undefined ? [] : [`${name}: ${detail}`]));

const HEAD = 'TAP version 13\n1..3\n';
const WHY = '# ring.c:41: expected 8 entries, got 4\n';
/** The same program, as its pieces may arrive: one after the other, results first, all at once, cut anywhere. */
const arrivals: Record<string, Piece[]> = {
  'in the order of writing': [HEAD, 'ok 1 open\n', [WHY], 'not ok 2 resize\n', 'ok 3 close\n'],
  'after its result': [HEAD, 'ok 1 open\n', 'not ok 2 resize\n', [WHY], 'ok 3 close\n'],
  'after all results': [`${HEAD}ok 1 open\nnot ok 2 resize\nok 3 close\n`, [WHY]],
  'before all results': [[WHY], `${HEAD}ok 1 open\nnot ok 2 resize\nok 3 close\n`],
  'with later results': [HEAD, 'ok 1 open\nnot ok 2 resize\nok 3 close\n', [WHY]],
  'in pieces': [
    HEAD,
    'ok 1 open\n',
    [WHY.slice(0, 9)],
    [WHY.slice(9)],
    'not ok 2 res',
    'ize\n',
    'ok 3 close\n',
  ],
};
for (const [how, pieces] of Object.entries(arrivals)) {
  t.test(
    `the assertion that a program printed on standard error ${how} explains its failed test`,
    async (t) => {
      t.same(read(pieces), [
        { name: 'open', verdict: 'pass' },
        {
          ...{ name: 'resize', verdict: 'fail', reason: 'ring.c:41: expected 8 entries, got 4' },
          detail: 'standard error:\n# ring.c:41: expected 8 entries, got 4',
        },
        { name: 'close', verdict: 'pass' },
      ]);
    },
  );
}

t.test('each failed test gets the text that came before its result', async (t) => {
  const pieces: Piece[] = ['TAP version 13\n1..4\n'];
  for (const name of ['a', 'b', 'c', 'd'])
    pieces.push([`# about ${name}\n`], `not ok ${name.charCodeAt(0) - 96} ${name}\n`);
  t.same(
    details(read(pieces)),
    ['a', 'b', 'c', 'd'].map((name) => `${name}: standard error:\n# about ${name}`),
  );
});

t.test('lines of kselftest_harness.h explain the tests that they name, in any order', async (t) => {
  const lines =
    '# x.c:5:reads:Expected 1 (1) == n (2)\n# reads: Test terminated by assertion\n# x.c:9:passes:Expected 0 (0) == 0 (0)\n# x.c:7:writes:Expected 3 (3) == n (4)\n';
  const results = read([
    'TAP version 13\n1..3\nnot ok 1 global.reads\nok 2 global.passes\nnot ok 3 global.writes\n',
    [lines],
  ]);
  t.match(results, [
    { reason: 'x.c:5:reads:Expected 1 (1) == n (2)', detail: /reads[\s\S]*terminated by assertion$/ },
    { verdict: 'pass', detail: undefined },
    { reason: 'x.c:7:writes:Expected 3 (3) == n (4)' },
  ]);
  t.notMatch(results[2]?.detail, /passes|reads/, 'detail of the last test');
});

t.test('standard error adds to comments and keeps the reason; passing tests get none', async (t) => {
  const results = read([
    'TAP version 13\n1..2\n',
    ['noise of one\n'],
    'ok 1 one\n',
    '# on standard output\n',
    ['on standard error\n'],
    'not ok 2 two\n',
  ]);
  t.match(results, [
    { detail: undefined },
    { detail: '# on standard output\nstandard error:\non standard error'.slice(2) },
  ]);
  t.notOk(results[1]?.reason, 'reason of a test with comments');
});

t.test('nested results keep their text', async (t) => {
  const stream = 'KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 x\n';
  const results = read([stream, ['y is wrong\n'], '  not ok 2 y\nnot ok 1 outer\n']);
  t.match(results, [{ name: 'outer > x' }, { name: 'outer > y', reason: 'y is wrong' }]);
});

t.test('a script that dies before its first result has its last words as the reason', async (t) => {
  t.match(read([['./t.sh: 2: nvme: not found\n']], { code: 127 }), [
    {
      verdict: 'lost',
      reason: 'no test result arrived: the suite ended with exit code 127: ./t.sh: 2: nvme: not found',
    },
  ]);
  t.match(read([`${HEAD}ok 1 a\n`, ['free(): invalid pointer\n']], { code: 134 }), [
    { name: 'a', verdict: 'pass' },
    { name: '#2', reason: /exit code 134 \(SIGABRT\): free\(\): invalid pointer/ },
    { name: '#3' },
  ]);
  t.match(read([['a guest may print anything\n'], HEAD], { code: null, guestDied: 'Kernel panic - x' })[0], {
    ...{ verdict: 'crash', reason: 'Kernel panic - x' },
  });
});

t.test(
  'a plan of none is TAP, and a program whose results are skips may end with the code of a skip',
  async (t) => {
    const none = new TapStream();
    none.write(Buffer.from('TAP version 13\n1..0 # SKIP no zoned drive\n'));
    t.ok(none.anyTap);
    t.same(none.end({ code: 4 }), [{ name: '(all)', verdict: 'skip', reason: 'no zoned drive' }]);
    t.match(read(['TAP version 13\n1..1\nok 1 a # SKIP no CPU\n'], { code: 4 }), [{ verdict: 'skip' }]);
    t.match(read(['TAP version 13\n1..1\nok 1 a\n'], { code: 4 }), [
      {},
      { verdict: 'fail', reason: /exit code 4/ },
    ]);
    const version = new TapStream();
    version.write(Buffer.from('TAP version 13\n# only a comment\n'));
    t.notOk(version.anyTap, 'a version line alone');
    const bare = new TapStream();
    bare.write(Buffer.from('ok 1 - only\n'));
    t.ok(bare.anyTap, 'a single result that could go on');
  },
);

t.test('standard error without end takes bounded memory and time', async (t) => {
  const stream = new TapStream();
  const began = process.cpuUsage().user;
  const line = Buffer.from(`${'e'.repeat(200)}\n`.repeat(100));
  stream.write(Buffer.from('TAP version 13\n'));
  for (let n = 1; n <= 3000; n++) {
    stream.writeStderr(line);
    stream.write(Buffer.from(n % 3 ? `not ok ${n} - t${n}\n` : '# only a comment\n'));
  }
  for (let n = 0; n < 3000; n++) {
    stream.writeStderr(Buffer.from('x\n'));
    stream.write(Buffer.from('#\n'));
  }
  const results = stream.end({ code: 1 });
  t.ok(JSON.stringify(results).length < 3 << 20, 'characters of the results');
  t.ok(process.cpuUsage().user - began < 20_000_000, 'CPU time, us');
});
