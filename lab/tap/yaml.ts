import type { TapLine } from './syntax.ts';

const MAX_LINES = 1000;

/** A YAML block being read, from `---` to `...` at the same column. */
export class YamlBlock {
  readonly column: number;
  #lines: string[] = [];
  #more = 0;

  constructor(column: number) {
    this.column = column;
  }

  /**
   * Takes a line. `false`: the line is TAP further left, so the block was cut off and the line is not part of it. Console
   * text further left is passed over.
   */
  take(text: string, line: TapLine): 'taken' | 'end' | 'cut' {
    const inside = line.column >= this.column || text.trim() === '';
    if (inside && text.trim() === '...' && line.column === this.column) return 'end';
    if (inside) this.#keep(text.slice(this.column));
    else if (line.kind !== 'other' && line.kind !== 'comment') return 'cut';
    return 'taken';
  }

  text(): string {
    const note = this.#more > 0 ? [`# ${this.#more} more lines were cut`] : [];
    return [...this.#lines, ...note].join('\n').trimEnd();
  }

  #keep(text: string): void {
    if (this.#lines.length < MAX_LINES) this.#lines.push(text);
    else this.#more++;
  }
}
