import { inspect } from 'node:util';

/** Characters of a value that a reason shows at most. */
const SHOWN = 80;
/** Characters of common text kept on each side of the first difference. */
const CONTEXT = 12;

/** A value as text: a string as it is, anything else as `util.inspect` shows it. */
export function show(value: unknown): string {
  return typeof value === 'string'
    ? value
    : inspect(value, { depth: 6, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 12 });
}

function commonPrefix(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a[at] === b[at]) at++;
  return at;
}

/** `text` from about `from` on, at most SHOWN characters; cuts are marked by `...`. */
function window(text: string, from: number): string {
  if (text.length <= SHOWN) return text;
  const start = Math.max(0, Math.min(from - CONTEXT, text.length - SHOWN));
  const end = start + SHOWN;
  return `${start > 0 ? '...' : ''}${text.slice(start, end)}${end < text.length ? '...' : ''}`;
}

/**
 * The one-line reason of a failed comparison: `quantity: expected X, got Y`. Long values are cut so that the first place where
 * they differ stays visible.
 */
export function reasonOf(quantity: string, expected: string, got: string): string {
  const [wanted, found] = [expected, got].map((text) => text.replace(/\s+/g, ' '));
  const from = commonPrefix(wanted ?? '', found ?? '');
  return `${quantity}: expected ${window(wanted ?? '', from)}, got ${window(found ?? '', from)}`;
}
