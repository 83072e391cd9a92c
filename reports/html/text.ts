import { visible } from '../../lab/model/visible.ts';

/** A value with all its strings made visible: no control character or bidirectional override of a guest or patch reaches the page. */
export function visibleAll<T>(value: T): T {
  if (typeof value === 'string') return visible(value) as T;
  if (Array.isArray(value)) return value.map(visibleAll) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [visible(key), visibleAll(item)]),
  ) as T;
}

/** Bytes of a character in the page: HTML escapes are longer than what they stand for. */
function bytesOf(char: string): number {
  if (char === '<' || char === '>') return 4;
  if (char === '&') return 5;
  if (char === '"') return 6;
  return char <= '\u007f' ? 1 : char <= '\u07ff' ? 2 : char <= '\uffff' ? 3 : 4;
}

/** The bytes that a text takes in the page. */
export function pageBytes(text: string): number {
  let bytes = 0;
  for (const char of text) bytes += bytesOf(char);
  return bytes;
}

/** A text of at most `most` bytes in the page; a longer one ends in `…`. */
export function clip(text: string, most: number): string {
  // Most texts are short and need no count.
  if (text.length * 6 <= most) return text;
  let [bytes, kept] = [0, 0];
  for (const char of text) {
    const next = bytes + bytesOf(char);
    if (next > most) return `${text.slice(0, kept)}…`;
    // The ellipsis has three bytes.
    if (next <= most - 3) kept += char.length;
    bytes = next;
  }
  return text;
}

/** The first lines of a log, and how many lines are left out. */
export interface Excerpt {
  lines: readonly string[];
  more: number;
}

/** Bytes of one line of an excerpt. */
const LINE_BYTES = 400;

/** At most `most` lines of a text, each cut. */
export function excerptOf(text: string, most: number): Excerpt {
  const lines = text.trimEnd().split('\n');
  return {
    lines: lines.slice(0, most).map((line) => clip(line.replaceAll('\t', '    '), LINE_BYTES)),
    more: Math.max(0, lines.length - most),
  };
}

/** The bytes that all evidence of a page may take together: what comes first on the page is served first. */
export class Room {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** An excerpt; undefined without a text, or where no room is left. */
  excerpt(text: string | undefined, most: number): Excerpt | undefined {
    if (text === undefined || text === '') return undefined;
    const excerpt = excerptOf(text, most);
    return this.take(excerpt.lines.reduce((sum, line) => sum + pageBytes(line) + 1, 0)) ? excerpt : undefined;
  }

  /** Whether there is room for these bytes, which are taken then. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }
}

/** `1 test`, `3 tests`, `5,000 tests`. */
export const counted = (count: number, singular: string, plural = `${singular}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? singular : plural}`;
