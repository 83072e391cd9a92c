/** Lines and characters kept of one report; further lines are counted. */
const MAX_LINES = 250;
const MAX_CHARS = 32 << 10;

/** The text of a report as printed, up to a size. */
export class ReportText {
  readonly #lines: string[] = [];
  #chars = 0;
  #omitted = 0;

  /** Lines so far. */
  get length(): number {
    return this.#lines.length + this.#omitted;
  }

  get first(): string | undefined {
    return this.#lines[0];
  }

  keep(line: string): void {
    if (this.#lines.length >= MAX_LINES || this.#chars > MAX_CHARS) {
      this.#omitted++;
      return;
    }
    this.#lines.push(line);
    this.#chars += line.length;
  }

  /** Adds a remark of the lab. */
  note(text: string): void {
    this.#lines.push(text);
  }

  /** All lines, with a note of those that were left out. */
  toString(): string {
    const more = this.#omitted > 0 ? [`[${this.#omitted} more lines of this report]`] : [];
    return [...this.#lines, ...more].join('\n').trimEnd();
  }
}
