import type { TapLine } from './syntax.ts';

/** Most lines kept of one block. */
const MAX_LINES = 1000;

/** The YAML block that is being read, from `---` to `...` at the same column. */
export class YamlBlock {
  readonly column: number;
  readonly #lines: string[] = [];
  #omitted = 0;

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
    if (this.#lines.length < MAX_LINES) this.#lines.push(text);
    else this.#omitted++;
  }
}
