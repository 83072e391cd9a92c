import { inspect } from 'node:util';

/** Most characters of a value that a reason shows. */
const SHOWN = 80;
/** Characters of common text kept in front of the first difference. */
const CONTEXT = 12;
/** Array elements shown: two arrays that first differ beyond them would read the same. 1024 is a full CQ. */
const ELEMENTS = 1024;

const inspected = (value: unknown): string =>
  inspect(value, { depth: 6, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: ELEMENTS });

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

/**
 * The expected value and the one got as text: a string as it is, anything else as `util.inspect` shows it. Strings are quoted where
 * the two would read the same without quotes (`'1'` and `1`, or a line break and a space).
 */
export function show(expected: unknown, got: unknown): { expected: string; got: string } {
  const bare = (value: unknown) => (typeof value === 'string' ? value : inspected(value));
  const texts = { expected: bare(expected), got: bare(got) };
  if (oneLine(texts.expected) !== oneLine(texts.got)) return texts;
  return { expected: inspected(expected), got: inspected(got) };
}

function commonPrefix(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a[at] === b[at]) at++;
  return at;
}

/** SHOWN characters of a longer `text` from `start` on; cuts are marked by `...`. */
function excerpt(text: string, start: number): string {
  if (text.length <= SHOWN) return text;
  const end = start + SHOWN;
  return `${start > 0 ? '...' : ''}${text.slice(start, end)}${end < text.length ? '...' : ''}`;
}

/**
 * The one-line reason of a failed comparison: `quantity: expected X, got Y`. White space is collapsed. A value of more than 80
 * characters is cut so that the first place where the two differ stays visible; both are cut at the same place, so that they can be
 * compared by eye even if one is a prefix of the other.
 */
export function reasonOf(quantity: string, expected: string, got: string): string {
  const lines = { expected: oneLine(expected), got: oneLine(got) };
  const longest = Math.max(lines.expected.length, lines.got.length);
  const difference = commonPrefix(lines.expected, lines.got);
  const start = Math.max(0, Math.min(difference - CONTEXT, longest - SHOWN));
  return `${quantity}: expected ${excerpt(lines.expected, start)}, got ${excerpt(lines.got, start)}`;
}
