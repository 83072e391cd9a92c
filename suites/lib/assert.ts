import { isDeepStrictEqual } from 'node:util';
import { errnoName } from '../binding/index.ts';
import { reasonOf, show } from './difference.ts';

/**
 * A failed assertion. `message` reads alone: `CQE res of the retried write: expected 0, got -5`; its parts are in the TAP
 * diagnostics too.
 */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
  /** The quantity that was checked. */
  readonly quantity: string;
  /** The expected value as text, uncut. */
  readonly expected: string;
  /** The value that was found instead, as text, uncut. */
  readonly got: string;

  constructor(quantity: string, expected: unknown, got: unknown) {
    const shown = show(expected, got);
    super(reasonOf(quantity, shown.expected, shown.got));
    this.quantity = quantity;
    this.expected = shown.expected;
    this.got = shown.got;
  }
}

/** Up to 16 bytes from `start` on: `0a ff 00`. */
function hex(bytes: Uint8Array, start: number): string {
  if (start >= bytes.length) return 'no more bytes';
  return Buffer.from(bytes.subarray(start, start + 16))
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ');
}

/** `cqe->res` or another kernel result as text: `-EINVAL` for an error, the number itself from 0 on. */
export function resultName(res: number): string {
  return res < 0 ? `-${errnoName(-res)}` : String(res);
}

/**
 * The assertions of a test. Each names the quantity that it checks, since the reason of a failure is
 * `quantity: expected X, got Y`. All throw AssertionError.
 */
export class Assertions {
  /** Truth of a value; `condition` states what must hold ("all reads are still in flight"). */
  ok(value: unknown, condition: string): void {
    if (!value) throw new AssertionError(condition, 'a true value', value);
  }

  /** Identity (`Object.is`). */
  equal<T>(got: T, expected: T, quantity: string): void {
    if (!Object.is(got, expected)) throw new AssertionError(quantity, expected, got);
  }

  /** Deep equality (`util.isDeepStrictEqual`). */
  same<T>(got: T, expected: T, quantity: string): void {
    if (!isDeepStrictEqual(got, expected)) throw new AssertionError(quantity, expected, got);
  }

  /** A kernel result (a CQE or its `res`) that must be the negated errno of this name, e.g. `EINVAL`. */
  errno(result: number | { res: number }, name: string, quantity: string): void {
    const res = typeof result === 'number' ? result : result.res;
    if (res >= 0 || errnoName(-res) !== name) throw new AssertionError(quantity, `-${name}`, resultName(res));
  }

  /** A kernel result (a CQE or its `res`) that must be 0 or more. Returns it. */
  success(result: number | { res: number }, quantity: string): number {
    const res = typeof result === 'number' ? result : result.res;
    if (res < 0) throw new AssertionError(quantity, 'a result of 0 or more', resultName(res));
    return res;
  }

  /** Byte equality. The reason gives both lengths, the first offset that differs, and 16 bytes of each from there on. */
  bytes(got: Uint8Array, expected: Uint8Array, quantity: string): void {
    if (Buffer.compare(got, expected) === 0) return;
    const length = Math.min(got.length, expected.length);
    let at = 0;
    while (at < length && got[at] === expected[at]) at++;
    const where = `${quantity} at offset ${at} (lengths ${got.length}, ${expected.length})`;
    throw new AssertionError(where, hex(expected, at), hex(got, at));
  }

  /** A call that must throw an error with this `code` (an errno's name for system calls). */
  throws(call: () => unknown, code: string, quantity: string): void {
    let got: unknown = 'no error';
    try {
      call();
    } catch (error) {
      got = (error as { code?: string }).code ?? error;
    }
    if (got !== code) throw new AssertionError(quantity, code, got);
  }
}
