/** Lines of any form: no exception, time in proportion to their length, and no failure that vanishes. */
import fc from 'fast-check';
import t from 'tap';
import { TapStream } from './index.ts';

/** What lines are made of that have a meaning for some part of the reader. */
const TOKENS = [
  ...[
    'ok',
    'not ok',
    ' 1',
    ' -',
    ' #',
    '#',
    '\\',
    '\\#',
    ' ',
    '\t',
    '\r',
    '{',
    ' {',
    '}',
    '[',
    ']',
    '...',
    '---',
  ],
  ...['TAP version 14', 'KTAP version 1', '1..3', '1..0', 'Bail out!', '# Subtest: x', '# selftests: x'],
  ...['SKIP', 'TODO', 'TIMEOUT', 'time=1', '# ringlab: test "a"', '[    1.000000]', '[  T1]', '<6>'],
  ...['\x1b[', '\x1b]', '\x1b', ';', '\x07', '\u2028', '\u0000', '\ud800', 'x', '9', ': ', '- ', '"', ','],
];
const MIB = 1 << 20;

function read(lines: readonly string[]) {
  const stream = new TapStream();
  stream.write(Buffer.from(`${lines.join('\n')}\n`));
  return stream.end({ code: 0 });
}

t.test('no sequence of lines makes the reader throw or say nothing', async (t) => {
  const line = fc.array(fc.constantFrom(...TOKENS), { maxLength: 8 }).map((tokens) => tokens.join(''));
  const indented = fc.tuple(fc.nat(12), line).map(([columns, text]) => ' '.repeat(columns) + text);
  const property = fc.property(fc.array(fc.oneof(line, indented), { maxLength: 30 }), (lines) => {
    if (read(lines).length === 0) throw new Error('no result');
  });
  const { failed, seed, counterexample } = fc.check(property, { numRuns: 1000 });
  t.notOk(failed, `seed ${seed}: ${JSON.stringify(counterexample)}`);
});

t.test('a failure with or without a number is never lost between other lines of TAP', async (t) => {
  const other = fc.constantFrom(
    'ok 1 - a',
    'ok - b',
    '# note',
    'text',
    '  ---',
    '  ...',
    '    ok 1 - c',
    '',
    '{',
    '}',
  );
  const failure = fc.constantFrom(
    'not ok - broken',
    'not ok broken',
    'not ok 7 - broken',
    'not ok 7 broken {',
  );
  const property = fc.property(fc.array(other), failure, fc.array(other), (before, line, after) => {
    const results = read(['TAP version 14', ...before, line, ...after]);
    if (!results.some(({ name, verdict }) => verdict === 'fail' && name.includes('broken')))
      throw new Error(`no failure of that name in ${JSON.stringify(results)}`);
  });
  const { failed, seed, counterexample, errorInstance } = fc.check(property, { numRuns: 500 });
  t.notOk(failed, `seed ${seed}: ${JSON.stringify(counterexample)} ${errorInstance}`);
});

t.test('a line of any repeated token takes time in proportion to its length', async (t) => {
  const begins = ['ok 1 - ', '1..1 #', '# ', '1..0 # skip ', ''];
  for (const begin of begins) {
    const slow = TOKENS.filter((token) => {
      const long = `${begin}${token.repeat(65_000 / token.length)}`;
      const began = process.cpuUsage();
      read(Array<string>(4).fill(`${long}x\u2028y`));
      const { user, system } = process.cpuUsage(began);
      // Quadratic time for 64 KiB is minutes; the whole quarter of a MiB takes some milliseconds.
      return user + system > 3e6;
    });
    t.same(slow, [], `tokens that are slow behind "${begin}"`);
  }
});

t.test('20,000 comment marks are a comment of the line’s length', async (t) => {
  const [result] = read([
    'TAP version 14',
    '1..1',
    '#'.repeat(20_000),
    `# ${'# '.repeat(10_000)}ok 9`,
    'ok 1 - a',
  ]);
  t.same(result, { name: 'a', verdict: 'pass' });
  t.equal(read(['1..1', `${'#'.repeat(MIB)}`, 'not ok 1 - a']).length, 1, 'number of results');
});

t.test('nesting of any depth has a bound and takes time in proportion to its lines', async (t) => {
  const depths = Array.from({ length: 5000 }, (_, n) => n);
  const down = depths.map((depth) => `${' '.repeat(depth)}not ok 1 - ${depth}`);
  for (const [kind, lines] of Object.entries({
    down,
    up: [...down].reverse(),
    both: [...down, ...down.reverse()],
  })) {
    const began = process.cpuUsage().user;
    const results = read(['TAP version 14', ...lines]);
    t.ok(
      results.some(({ verdict }) => verdict === 'fail'),
      `a failure, indented ${kind}`,
    );
    t.ok(
      results.every(({ name }) => name.split(' > ').length < 100),
      `levels of names, indented ${kind}`,
    );
    t.ok(process.cpuUsage().user - began < 20e6, `CPU time, indented ${kind}`);
  }
});
