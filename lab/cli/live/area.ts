import { createLogUpdate } from 'log-update';
import stringWidth from 'string-width';
import { cleaned } from '../escape.ts';

/** Without automatic wrapping (DECAWM) a line whose characters a terminal takes for wider than we do is cut, not broken in two. */
const [WRAP_OFF, WRAP_ON] = ['\u001b[?7l', '\u001b[?7h'];
const LINE_UP = '\u001b[2K\u001b[1A';

/** Where an area is drawn: takes escape sequences as they are. */
export interface Sink {
  write(text: string): void;
  readonly columns: number;
  readonly rows: number;
}

/**
 * The last lines of a terminal, drawn again and again in place. The cursor stays visible below them, and no write leaves the terminal in
 * another mode: after a process that is killed it needs no reset.
 */
export class LiveArea {
  readonly #sink: Sink;
  readonly #update: ReturnType<typeof createLogUpdate>;
  /** Widths of the lines on the screen, and the columns of the terminal when they were drawn. */
  #widths: number[] = [];
  #columns = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
    const stream = {
      isTTY: true,
      write: (text: string) => sink.write(`${WRAP_OFF}${text}${WRAP_ON}`),
      get columns() {
        return sink.columns;
      },
      get rows() {
        return sink.rows;
      },
    };
    this.#update = createLogUpdate(stream as unknown as NodeJS.WriteStream, { showCursor: true });
  }

  /** Draws these lines in place of the last ones. Each must be narrower than the terminal, and all must leave it a row. */
  draw(lines: readonly string[]): void {
    if (lines.length === 0) {
      this.clear();
      return;
    }
    this.#unfold();
    const shown = lines.map(cleaned);
    this.#update(shown.join('\n'));
    this.#widths = shown.map((line) => stringWidth(line));
    this.#columns = this.#sink.columns;
  }

  /** Takes the lines away; the next text begins where they began. */
  clear(): void {
    if (this.#widths.length === 0) return;
    this.#unfold();
    this.#update.clear();
    this.#widths = [];
  }

  /** Lets the lines stay where they are: another program has written below them. */
  leave(): void {
    this.#update.done();
    this.#widths = [];
  }

  /** A terminal that became narrower breaks lines: takes away the rows that they got besides their own. */
  #unfold(): void {
    const { columns } = this.#sink;
    if (columns >= this.#columns) return;
    const more = this.#widths.reduce((sum, width) => sum + Math.max(0, Math.ceil(width / columns) - 1), 0);
    if (more > 0) this.#sink.write(LINE_UP.repeat(more));
  }
}
