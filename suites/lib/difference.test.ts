import t from 'tap';
import { AssertionError } from './assert.ts';
import { reasonOf, show } from './difference.ts';

/** The reason of a failed comparison of two values. */
const reason = (expected: unknown, got: unknown) => new AssertionError('sum', expected, got).message;
const LONG = 'x'.repeat(200);

t.test('values of up to 80 characters are shown whole', (t) => {
  t.equal(reasonOf('CQE res', '0', '-EIO'), 'CQE res: expected 0, got -EIO');
  const [eighty, other] = ['a'.repeat(80), `b${'a'.repeat(79)}`];
  t.equal(reason(eighty, other), `sum: expected ${eighty}, got ${other}`);
  t.equal(reason({ tag: 1, res: -5 }, undefined), 'sum: expected { tag: 1, res: -5 }, got undefined');
  t.equal(reason('', 'text'), 'sum: expected , got text');
  t.end();
});

t.test('a short value is shown whole beside a long one', (t) => {
  t.equal(reason('none', LONG), `sum: expected none, got ${LONG.slice(0, 80)}...`);
  const prefix = LONG.slice(0, 40);
  t.equal(reason(prefix, LONG), `sum: expected ${prefix}, got ...${'x'.repeat(80)}...`);
  t.end();
});

t.test('a difference at the start of long values cuts only their ends', (t) => {
  t.equal(reason(`1${LONG}`, `2${LONG}`), `sum: expected 1${'x'.repeat(79)}..., got 2${'x'.repeat(79)}...`);
  t.end();
});

t.test('a difference in the middle of long values is shown with 12 characters in front of it', (t) => {
  const shown = (middle: string) => `...${'x'.repeat(12)}${middle}${'x'.repeat(67)}...`;
  t.equal(reason(`${LONG}1${LONG}`, `${LONG}2${LONG}`), `sum: expected ${shown('1')}, got ${shown('2')}`);
  t.end();
});

t.test('a difference at the end of long values cuts only their starts', (t) => {
  const shown = (end: string) => `...${'x'.repeat(79)}${end}`;
  t.equal(reason(`${LONG}1`, `${LONG}2`), `sum: expected ${shown('1')}, got ${shown('2')}`);
  t.end();
});

t.test(
  'a long value and its own prefix are cut at the same place, so that one shows what the other lacks',
  (t) => {
    t.equal(reason(`${LONG}yz`, LONG), `sum: expected ...${'x'.repeat(78)}yz, got ...${'x'.repeat(78)}`);
    t.equal(reason(LONG, `${LONG}yz`), `sum: expected ...${'x'.repeat(78)}, got ...${'x'.repeat(78)}yz`);
    const rest = LONG.slice(0, 68);
    t.equal(
      reason(LONG, LONG + LONG),
      `sum: expected ...${'x'.repeat(12)}, got ...${'x'.repeat(12)}${rest}...`,
    );
    t.end();
  },
);

t.test('an array of a full CQ shows its first different element, wherever it is', (t) => {
  const tags = Array.from({ length: 1024 }, (_, index) => index);
  for (const at of [0, 500, 1023]) {
    const got = tags.with(at, -7);
    t.match(reason(tags, got), new RegExp(`expected .*\\b${at}\\b.*, got .*-7\\b`), `element ${at}`);
  }
  t.match(reason(tags, tags.slice(0, -1)), /expected \.\.\..*1022, 1023 \], got \.\.\..*1022 \]$/);
  t.end();
});

t.test('values of several lines become one line', (t) => {
  t.equal(reason('first\n  second', 'first\n\tthird'), 'sum: expected first second, got first third');
  const lines = Array.from({ length: 40 }, (_, index) => `line ${index}`);
  const got = lines.with(30, 'line thirty');
  t.equal(reason(lines.join('\n'), got.join('\n')), reason(lines.join(' '), got.join(' ')));
  t.match(
    reason(lines.join('\n'), got.join('\n')),
    /^sum: expected \.\.\..* 29 line 30 .*, got \.\.\..* 29 line thirty /,
  );
  t.end();
});

t.test('values that would read the same are quoted', (t) => {
  t.equal(reason(1, '1'), "sum: expected 1, got '1'");
  t.equal(reason('a b', 'a\nb'), "sum: expected 'a b', got 'a\\nb'");
  t.same(show('one', 1), { expected: 'one', got: '1' });
  t.end();
});
