import { StringDecoder } from 'node:string_decoder';
import { cleaned } from './escape.ts';
import type { LiveArea } from './live/area.ts';

/** What the two streams of a command share when both are its terminal. */
export class Screen {
  /** Lines below all text, which a live view draws. */
  area: LiveArea | undefined;
  /** Whether the last text ended its line, so that lines may follow. */
  isAtLineStart = true;
}

/**
 * One stream of the command. All output of `lab/cli` goes through it (`terminal.test.ts` checks that), so that no text of a patch, a
 * build or a guest reaches a terminal with control characters or bidirectional overrides.
 */
export class Terminal {
  readonly #stream: NodeJS.WriteStream;
  readonly #screen: Screen;
  readonly #decoder = new StringDecoder('utf8');

  constructor(stream: NodeJS.WriteStream, screen = new Screen()) {
    this.#stream = stream;
    this.#screen = screen;
  }

  /** Whether a person may read it. */
  get isTTY(): boolean {
    return Boolean(this.#stream.isTTY);
  }

  /** Width in characters; 80 where it is unknown: a pseudo-terminal without a size has 0 columns. */
  get columns(): number {
    return this.#stream.columns || 80;
  }

  /** Height in lines; 24 where it is unknown. */
  get rows(): number {
    return this.#stream.rows || 24;
  }

  /** Whether the last text of the screen ended its line. */
  get isAtLineStart(): boolean {
    return this.#screen.isAtLineStart;
  }

  /** Writes text with every unsafe character made visible, in place of the live area, whose owner draws it again. */
  write(text: string): void {
    if (text === '') return;
    if (this.isTTY) {
      this.#screen.area?.clear();
      this.#screen.isAtLineStart = text.endsWith('\n');
    }
    this.#stream.write(cleaned(text));
  }

  /** Writes data for a program (an mbox, the output of a command in a guest): unchanged, but as `write` on a terminal. */
  data(chunk: string | Uint8Array): void {
    if (!this.isTTY) this.#stream.write(chunk);
    else this.write(typeof chunk === 'string' ? chunk : this.#decoder.write(chunk));
  }

  /** Opens the live area of a terminal. Its library is loaded here: most commands end without it. */
  async openArea(): Promise<LiveArea> {
    const { LiveArea } = await import('./live/area.ts');
    const terminal = this;
    const sink = {
      write: (text: string) => void this.#stream.write(text),
      get columns() {
        return terminal.columns;
      },
      get rows() {
        return terminal.rows;
      },
    };
    this.#screen.area = new LiveArea(sink);
    return this.#screen.area;
  }

  /** Calls `listener` with each error of a write, which then ends nothing by itself. */
  onError(listener: (error: Error) => void): void {
    this.#stream.on('error', listener);
  }

  /** Calls `listener` when the terminal's size has changed, until the function that it returns is called. */
  onResize(listener: () => void): () => void {
    this.#stream.on('resize', listener);
    return () => this.#stream.off('resize', listener);
  }
}

const screen = new Screen();
export const stdout = new Terminal(process.stdout, screen);
export const stderr = new Terminal(process.stderr, screen);
