import { isDeepStrictEqual } from 'node:util';
import { AssertionError } from './assert.ts';
import { show } from './difference.ts';

/** An alternative with its value: `RFC (-EIO)`. */
const shown = (name: string, value: unknown) => `${name} (${show(value, undefined).expected})`;

/** What was seen of a quantity, and by which test. */
interface Seen {
  name: string;
  test: string;
}

/** Remembers which of several documented behaviours a kernel shows, so that it must show the same one everywhere. */
export class Choices {
  readonly #seen = new Map<string, Seen>();

  /**
   * The name of the alternative that `got` equals. `own`: only the first one is right. Throws AssertionError when it is none of them, or not
   * the one that an earlier test has seen.
   */
  check<T>(
    quantity: string,
    got: T,
    alternatives: Readonly<Record<string, T>>,
    { test, own }: { test: string; own: boolean },
  ): string {
    const all = Object.entries(alternatives);
    const right = own ? all.slice(0, 1) : all;
    const [name, value] = right.find(([, each]) => isDeepStrictEqual(got, each)) ?? [];
    if (name === undefined) {
      const expected = right.map((each) => shown(...each)).join(' or ');
      throw new AssertionError(quantity, expected, got);
    }
    const before = this.#seen.get(quantity) ?? { name, test };
    this.#seen.set(quantity, before);
    if (before.name === name) return shown(name, value);
    const expected = `${shown(before.name, alternatives[before.name])} as in "${before.test}"`;
    throw new AssertionError(quantity, expected, shown(name, value));
  }
}
