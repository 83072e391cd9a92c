import { isDeepStrictEqual } from 'node:util';
import { errnoName } from '../binding/index.ts';
import { reasonOf, show } from './difference.ts';

/**
 * A failed assertion. `message` reads alone: `CQE res of the retried write: expected 0, got -EIO`; its parts are in the TAP
 * diagnostics too.
 */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
  /** The quantity that was checked. */
  readonly quantity: string;
  readonly expected: string;
  readonly got: string;

  constructor(quantity: string, expected: unknown, got: unknown) {
    const shown = { expected: show(expected), got: show(got) };
    super(reasonOf(quantity, shown.expected, shown.got));
    this.quantity = quantity;
    this.expected = shown.expected;
    this.got = shown.got;
  }
}

function hex(bytes: Uint8Array, from: number): string {
  return Buffer.from(bytes.subarray(from, from + 16))
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ');
}

/** `cqe->res` or another kernel result in words: `0`, `-EINVAL`. A positive value is shown as a number. */
export function resultName(res: number): string {
  return res < 0 ? `-${errnoName(-res)}` : String(res);
}

/**
 * What every test can assert. Each assertion names the quantity that it checks, since the reason of a failure is
 * `quantity: expected X, got Y`. All throw AssertionError.
 */
export class Assertions {
  /** A condition; `message` says what was expected to hold. */
  ok(value: unknown, message: string): void {
    if (!value) throw new AssertionError(message, 'a true value', value);
  }

  /** Identity (`Object.is`). */
  equal<T>(got: T, expected: T, quantity: string): void {
    if (!Object.is(got, expected)) throw new AssertionError(quantity, expected, got);
  }

  /** Deep equality. */
  same<T>(got: T, expected: T, quantity: string): void {
    if (!isDeepStrictEqual(got, expected)) throw new AssertionError(quantity, expected, got);
  }

  /** A kernel result (a CQE or its `res`) that must be this errno, e.g. `EINVAL`. */
  errno(result: number | { res: number }, name: string, quantity: string): void {
    const res = typeof result === 'number' ? result : result.res;
    if (res >= 0 || errnoName(-res) !== name) throw new AssertionError(quantity, `-${name}`, resultName(res));
  }

  /** A kernel result (a CQE or its `res`) that must not be an error; returns it. */
  success(result: number | { res: number }, quantity: string): number {
    const res = typeof result === 'number' ? result : result.res;
    if (res < 0) throw new AssertionError(quantity, 'a result of 0 or more', resultName(res));
    return res;
  }

  /** Byte equality; the reason names the first offset that differs and shows 16 bytes from there. */
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
