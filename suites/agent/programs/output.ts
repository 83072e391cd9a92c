/** Characters kept of the beginning and of the end of what a program prints. */
const HEAD = 8 << 10;
const TAIL = 24 << 10;

/** The beginning and the end of a text of any length. */
export class BoundedText {
  #head = '';
  #tail = '';
  #chars = 0;

  add(text: string): void {
    this.#chars += text.length;
    const room = HEAD - this.#head.length;
    this.#head += text.slice(0, room);
    if (text.length > room) this.#tail = (this.#tail + text.slice(room)).slice(-TAIL);
  }

  get text(): string {
    const omitted = this.#chars - this.#head.length - this.#tail.length;
    if (omitted <= 0) return this.#head + this.#tail;
    return `${this.#head}\n[${omitted} characters left out]\n${this.#tail}`;
  }
}

/** A line that only TAP or KTAP begins with. */
const TAP_START = /^(?:K?TAP version \d+|1\.\.\d+(?:\s|$)|(?:not )?ok \d+(?:\s|$))/;

/** Whether a line is the first of TAP or KTAP. */
export const startsTap = (line: string): boolean => TAP_START.test(line);

/** Longest line that is passed on; longer ones are cut. */
const MAX_LINE = 8 << 10;

/** Splits the text of a stream into lines. */
export class Lines {
  #rest = '';
  readonly #take: (line: string) => void;

  constructor(take: (line: string) => void) {
    this.#take = take;
  }

  write(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) this.#take(line.slice(0, MAX_LINE).replace(/\r$/, ''));
  }

  end(): void {
    if (this.#rest) this.#take(this.#rest);
    this.#rest = '';
  }
}
