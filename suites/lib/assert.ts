import { inspect, isDeepStrictEqual } from 'node:util';
import { errnoName } from '../binding/index.ts';

/** An assertion that did not hold; its parts become the TAP diagnostics. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
  readonly expected: string;
  readonly got: string;
  constructor(message: string, expected: unknown, got: unknown) {
    super(message);
    this.expected = show(expected);
    this.got = show(got);
  }
}

function show(value: unknown): string {
  return typeof value === 'string'
    ? value
    : inspect(value, { depth: 6, breakLength: 100, maxArrayLength: 12 });
}

function hex(bytes: Uint8Array, from: number): string {
  return Buffer.from(bytes.subarray(from, from + 16))
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ');
}

/** `cqe->res` or another kernel result in words: `0`, `EINVAL`, `NVMe status 0x80 ...` is up to the caller. */
export function resultName(res: number): string {
  return res < 0 ? `-${errnoName(-res)}` : String(res);
}

/** What every test can assert. All throw AssertionError. */
export class Assertions {
  ok(value: unknown, message: string): void {
    if (!value) throw new AssertionError(message, 'a true value', value);
  }

  equal<T>(got: T, expected: T, message = 'values differ'): void {
    if (!Object.is(got, expected)) throw new AssertionError(message, expected, got);
  }

  /** Deep equality. */
  same<T>(got: T, expected: T, message = 'values differ'): void {
    if (!isDeepStrictEqual(got, expected)) throw new AssertionError(message, expected, got);
  }

  /** A kernel result (a CQE or its `res`) that must be this errno, e.g. `EINVAL`. */
  errno(result: number | { res: number }, name: string, message = 'the errno differs'): void {
    const res = typeof result === 'number' ? result : result.res;
    if (res >= 0 || errnoName(-res) !== name) throw new AssertionError(message, `-${name}`, resultName(res));
  }

  /** A kernel result that must not be an error; returns it. */
  success(result: number | { res: number }, message = 'it failed'): number {
    const res = typeof result === 'number' ? result : result.res;
    if (res < 0) throw new AssertionError(message, 'a result of 0 or more', resultName(res));
    return res;
  }

  /** Byte equality; says the first offset that differs and what lies there. */
  bytes(got: Uint8Array, expected: Uint8Array, message = 'bytes differ'): void {
    if (Buffer.compare(got, expected) === 0) return;
    const length = Math.min(got.length, expected.length);
    let at = 0;
    while (at < length && got[at] === expected[at]) at++;
    const where = `${message} at offset ${at} (lengths ${got.length}, ${expected.length})`;
    throw new AssertionError(where, hex(expected, at), hex(got, at));
  }

  /** A call that must throw an error with this `code` (an errno's name for system calls). */
  throws(call: () => unknown, code: string, message = 'the error differs'): void {
    let got: unknown = 'no error';
    try {
      call();
    } catch (error) {
      got = (error as { code?: string }).code ?? error;
    }
    if (got !== code) throw new AssertionError(message, code, got);
  }
}
