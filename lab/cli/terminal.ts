import { randomBytes } from 'node:crypto';
import { clearLine, cursorTo } from 'node:readline';
import { StringDecoder } from 'node:string_decoder';
import { visible } from '../model/visible.ts';

/** Stands for ESC in our own colours until a text has been cleaned. Random, so that no text from outside contains it. */
export const ESC = `esc-${randomBytes(16).toString('hex')}`;

/**
 * One stream of the command. All output of `lab/cli` goes through it (`terminal.test.ts` checks that), so that no text of a patch, a
 * build or a guest reaches a terminal with control characters or bidirectional overrides.
 */
export class Terminal {
  readonly #stream: NodeJS.WriteStream;
  readonly #decoder = new StringDecoder('utf8');

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** Whether a person may read it. */
  get isTTY(): boolean {
    return Boolean(this.#stream.isTTY);
  }

  /** Width in characters; 80 where it is unknown. */
  get columns(): number {
    return this.#stream.columns ?? 80;
  }

  /** Writes text with every unsafe character made visible. */
  write(text: string): void {
    this.#stream.write(visible(text).replaceAll(ESC, '\u001b'));
  }

  /** Writes data for a program (an mbox, the output of a command in a guest): unchanged, but as `write` on a terminal. */
  data(chunk: string | Uint8Array): void {
    if (!this.isTTY) this.#stream.write(chunk);
    else this.write(typeof chunk === 'string' ? chunk : this.#decoder.write(chunk));
  }

  /** Empties the line of the cursor. */
  clearLine(): void {
    cursorTo(this.#stream, 0);
    clearLine(this.#stream, 0);
  }
}

export const stdout = new Terminal(process.stdout);
export const stderr = new Terminal(process.stderr);
