import { Writable } from 'node:stream';
import stringWidth from 'string-width';

const segmenter = new Intl.Segmenter();

/** What a live view may write: escape sequences that move, erase, colour or set a mode, new lines (as CR LF behind a terminal's driver), and text. */
const TOKEN = /^(?:\u001b\[(\??)(\d*)([ABGKhlm])|\r|\n|[^\u0000-\u001f\u007f-\u009f]+)/;

/** A line as its columns: of a wide character the second column is empty. */
type Line = string[];

const textOf = (line: Line) => line.join('').trimEnd();

function inParts(line: Line, columns: number): Line[] {
  const parts: Line[] = [];
  for (let start = 0; start < line.length || start === 0; start += columns)
    parts.push(line.slice(start, start + columns));
  return parts;
}

/**
 * A terminal with a screen to look at, as far as a live view needs one: moves up and down, erased lines, automatic wrapping, scrolling.
 * Any other control character is an error. A narrower width breaks lines, as on most terminals.
 */
export class FakeScreen extends Writable {
  isTTY = true;
  columns: number;
  rows: number;
  /** Bytes and calls of `write`. */
  written = { chars: 0, calls: 0 };
  /** Lines that have left the screen at its top, then those on it. */
  #lines: Line[] = [[]];
  #row = 0;
  #column = 0;
  #wraps = true;
  #waiting: { pattern: RegExp; resolve: (text: string) => void }[] = [];

  constructor(columns = 80, rows = 24) {
    super({ decodeStrings: false });
    this.columns = columns;
    this.rows = rows;
  }

  /** Every line since the beginning, without empty lines at the end. */
  get text(): string {
    return this.#lines.map(textOf).join('\n').trimEnd();
  }

  /** Whether a shell could go on: lines wrap, and the cursor is at the beginning of an empty line. */
  get isClean(): boolean {
    return this.#wraps && this.#column === 0 && textOf(this.#lines[this.#row] ?? []) === '';
  }

  /** Resolves with the text as soon as it matches, and keeps the process alive until then: timers of a view do not. */
  async until(pattern: RegExp): Promise<string> {
    if (pattern.test(this.text)) return this.text;
    const alive = setInterval(() => {}, 60_000);
    const text = await new Promise<string>((resolve) => this.#waiting.push({ pattern, resolve }));
    clearInterval(alive);
    return text;
  }

  /** Changes the width as a user does. */
  resize(columns: number): void {
    const above = this.#lines.slice(0, this.#row).flatMap((line) => inParts(line, columns));
    const below = this.#lines.slice(this.#row).flatMap((line) => inParts(line, columns));
    this.#row = above.length;
    this.#lines = [...above, ...below];
    this.columns = columns;
    this.emit('resize');
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const text = String(chunk);
    this.written = { chars: this.written.chars + text.length, calls: this.written.calls + 1 };
    this.#take(text);
    this.#waiting = this.#waiting.filter(({ pattern, resolve }) => {
      if (!pattern.test(this.text)) return true;
      resolve(this.text);
      return false;
    });
    done();
  }

  #take(text: string): void {
    for (let rest = text; rest !== ''; ) {
      const [token, mode = '', number = '', command] = TOKEN.exec(rest) ?? [];
      if (token === undefined) throw new Error(`unexpected control: ${JSON.stringify(rest.slice(0, 20))}`);
      if (command !== undefined) this.#control(`${mode}${command}`, number);
      else if (token === '\r') this.#column = 0;
      else if (token === '\n') this.#newLine();
      else this.#print(token);
      rest = rest.slice(token.length);
    }
  }

  #control(command: string, number: string): void {
    const count = Number(number || 1);
    if (command === 'A') this.#row = Math.max(this.#lines.length - this.rows, 0, this.#row - count);
    else if (command === 'B') this.#row = Math.min(this.#lines.length - 1, this.#row + count);
    else if (command === 'G') this.#column = count - 1;
    else if (command === 'K')
      this.#lines[this.#row] = number === '2' ? [] : (this.#lines[this.#row] ?? []).slice(0, this.#column);
    else if (number === '7') this.#wraps = command === '?h';
    else if (command !== 'm' && number !== '2026') throw new Error(`unexpected mode ${command} ${number}`);
  }

  #newLine(): void {
    this.#row++;
    this.#column = 0;
    if (this.#row === this.#lines.length) this.#lines.push([]);
  }

  #print(text: string): void {
    for (const { segment } of segmenter.segment(text)) {
      const width = stringWidth(segment);
      if (this.#column + width > this.columns) {
        if (!this.#wraps) continue;
        this.#newLine();
      }
      const line = [...(this.#lines[this.#row] ?? [])];
      while (line.length < this.#column) line.push(' ');
      line.splice(this.#column, width, segment, ...Array<string>(Math.max(0, width - 1)).fill(''));
      this.#lines[this.#row] = line;
      this.#column += width;
    }
  }
}
