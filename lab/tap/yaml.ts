import type { TapLine } from './syntax.ts';

/** Most lines kept of one block. */
const MAX_LINES = 1000;
/** Most characters kept of one block: parsing 50 kB of YAML takes 0.16 s. */
const MAX_CHARS = 64 << 10;

/** The YAML block that is being read, from `---` to `...` at the same column. */
export class YamlBlock {
  readonly column: number;
  readonly #lines: string[] = [];
  #omitted = 0;
  #chars = 0;

  constructor(column: number) {
    this.column = column;
  }

  /**
   * Takes the next line. `taken`: it is part of the block, or console text further left, which is dropped. `end`: it closes
   * the block. `cut`: it is TAP further left, so the block lost its end and the line is not part of it.
   */
  take(text: string, line: TapLine): 'taken' | 'end' | 'cut' {
    const inside = line.column >= this.column || text.trim() === '';
    if (inside && text.trim() === '...' && line.column === this.column) return 'end';
    if (inside) this.#keep(text.slice(this.column));
    else if (line.kind !== 'other' && line.kind !== 'comment') return 'cut';
    return 'taken';
  }

  /** The block without its indentation, with a note of the lines that were left out. */
  text(): string {
    const note = this.#omitted > 0 ? [`# ${this.#omitted} more lines were cut`] : [];
    return [...this.#lines, ...note].join('\n').trimEnd();
  }

  #keep(text: string): void {
    this.#chars += text.length;
    if (this.#lines.length < MAX_LINES && this.#chars <= MAX_CHARS) this.#lines.push(text);
    else this.#omitted++;
  }
}

/** Most levels of YAML that is parsed: the agent writes three. */
const MAX_LEVELS = 100;
/** More than 20 levels in one line (`- - - x`), or an indentation that stands for too many. */
const DEEP_LINE = /^ *(?:[-?] +){20}|^ {200}/m;

/**
 * Whether YAML may nest so deeply that parsing it overflows the stack. That is no mere RangeError: where V8 compiles a pattern with
 * the stack nearly full, it ends the process ("RegExpCompiler Allocation failed"). Brackets in strings count too.
 */
export function isDeep(text: string): boolean {
  if (DEEP_LINE.test(text)) return true;
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth = Math.max(0, depth + (bracket === '[' || bracket === '{' ? 1 : -1));
    if (depth > MAX_LEVELS) return true;
  }
  return false;
}
