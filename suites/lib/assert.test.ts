import t from 'tap';
import { AssertionError, Assertions } from './assert.ts';
import { pattern } from './pattern.ts';

/** The AssertionError that a call throws; without one, an empty object. */
function thrown(call: () => void): Partial<AssertionError> {
  try {
    call();
  } catch (error) {
    if (error instanceof AssertionError) return error;
  }
  return {};
}

t.test('a failed assertion names its quantity, the expected value and the one got', (t) => {
  const check = new Assertions();
  const fails = (call: () => void, message: string) => t.equal(thrown(call).message, message);
  fails(() => check.ok(0, 'a read is in flight'), 'a read is in flight: expected a true value, got 0');
  fails(() => check.equal(1, 2, 'SQEs taken'), 'SQEs taken: expected 2, got 1');
  fails(() => check.same([1n], [2n], 'offsets'), 'offsets: expected [ 2n ], got [ 1n ]');
  fails(() => check.errno(-22, 'EIO', 'CQE res'), 'CQE res: expected -EIO, got -EINVAL');
  fails(() => check.errno({ res: 0 }, 'EIO', 'CQE res'), 'CQE res: expected -EIO, got 0');
  fails(() => check.success(-95, 'CQE res'), 'CQE res: expected a result of 0 or more, got -EOPNOTSUPP');
  fails(() => check.throws(() => {}, 'EBUSY', 'open'), 'open: expected EBUSY, got no error');
  t.match(
    thrown(() => check.same([1n], [2n], 'offsets')),
    { quantity: 'offsets', expected: '[ 2n ]', got: '[ 1n ]' },
  );
  t.end();
});

t.test('bytes that differ are shown from the first different offset on, with both lengths', (t) => {
  const check = new Assertions();
  const got = pattern(100, 1);
  const expected = got.slice();
  expected[42] = (got[42] ?? 0) ^ 0xff;
  const hex = (bytes: Uint8Array, start: number) =>
    Array.from(bytes.subarray(start, start + 16), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  t.equal(
    thrown(() => check.bytes(got, expected, 'data')).message,
    `data at offset 42 (lengths 100, 100): expected ${hex(expected, 42)}, got ${hex(got, 42)}`,
  );
  t.equal(
    thrown(() => check.bytes(got, got.subarray(0, 50), 'data')).message,
    `data at offset 50 (lengths 100, 50): expected no more bytes, got ${hex(got, 50)}`,
  );
  t.end();
});

t.test('an assertion that holds throws nothing, and success returns the result', (t) => {
  const check = new Assertions();
  const bytes = pattern(100, 1);
  check.ok(1, 'condition');
  check.equal(Number.NaN, Number.NaN, 'number');
  check.same({ a: [1n] }, { a: [1n] }, 'object');
  check.errno(-62, 'ETIME', 'CQE res');
  check.bytes(bytes, bytes.slice(), 'data');
  t.equal(check.success({ res: 8 }, 'CQE res'), 8);
  t.end();
});
