import type { Duplex } from 'node:stream';

/** Most characters of requests that wait, and of a line: a suite's request takes some hundred. */
const WAITING_CHARS = 64 << 10;
/** Most requests that wait for their turn: a suite sends the next one when it has the reply. */
const WAITING_LIMIT = 64;

/**
 * The requests of a connection, read as they come, also while a reply is not taken: only then does the end of the connection show,
 * and what the guest sends does not pile up in the stream, whose window a hostile sshd can ignore.
 */
export class HostRequests {
  readonly #stream: Duplex;
  #waiting: string[] = [];
  #chars = 0;
  #partial = '';
  #hasEnded = false;
  #isClosed = false;
  /** Wakes the iterator. */
  #wake = () => {};

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.setEncoding('utf8');
    const end = () => {
      this.#hasEnded = true;
      this.#wake();
    };
    const close = () => {
      this.#isClosed = true;
      end();
    };
    stream.on('data', (text: string) => this.#take(text));
    stream.on('end', end).on('close', close);
    stream.on('error', () => stream.destroy());
  }

  /** Whether a reply can still be sent. */
  get isOpen(): boolean {
    return !this.#isClosed && this.#stream.writable;
  }

  /** Lines that are not empty, until the guest has sent its last or the connection is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    while (!this.#isClosed) {
      const line = this.#waiting.shift();
      if (line !== undefined) {
        this.#chars -= line.length;
        yield line;
      } else if (this.#hasEnded) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  #take(text: string): void {
    if (this.#isClosed) return;
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      this.#waiting.push(line);
      this.#chars += line.length;
    }
    const isFlood =
      this.#waiting.length > WAITING_LIMIT || this.#chars + this.#partial.length > WAITING_CHARS;
    if (isFlood) this.#refuse();
    else this.#wake();
  }

  /** Closes the connection of a guest that floods it; what it still sends is dropped. */
  #refuse(): void {
    this.#isClosed = true;
    this.#waiting = [];
    this.#partial = '';
    this.#stream.destroy();
    this.#wake();
  }
}
