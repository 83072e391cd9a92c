import type { Socket } from 'node:net';
import { LabError } from '../core/errors.ts';
import { readLines } from './qmp.ts';

const ANSWER_MS = 30_000;

/**
 * QEMU's qtest channel: reads and writes the guest's physical memory, device registers included. Every call throws LabError when
 * QEMU refuses it, ends or does not answer.
 */
export class Qtest {
  readonly #socket: Socket;
  readonly #pending: ((line: string | undefined) => void)[] = [];
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    readLines(socket, (line) => this.#pending.shift()?.(line));
    socket.once('close', () => {
      this.#closed = true;
      for (const done of this.#pending.splice(0)) done(undefined);
    });
  }

  /** The byte, 16-bit word or 32-bit word at a guest-physical address. */
  async read(address: number, width: 'b' | 'w' | 'l'): Promise<number> {
    const [line = ''] = await this.#send([`read${width} 0x${address.toString(16)}`]);
    return Number(line.split(' ')[1]);
  }

  /** Writes 16-bit values one after another, with no device access of the guest in between. */
  async writeWords(writes: readonly { address: number; value: number }[]): Promise<void> {
    await this.#send(writes.map((w) => `writew 0x${w.address.toString(16)} 0x${w.value.toString(16)}`));
  }

  async #send(commands: readonly string[]): Promise<string[]> {
    if (this.#closed) throw new LabError('qtest: QEMU has ended');
    const replies = commands.map(
      () =>
        new Promise<string>((resolve, reject) => {
          const timer = setTimeout(
            () => reject(new LabError(`qtest: no answer within ${ANSWER_MS} ms`)),
            ANSWER_MS,
          );
          this.#pending.push((line) => {
            clearTimeout(timer);
            if (line?.startsWith('OK')) resolve(line);
            else reject(new LabError(`qtest: ${line ?? 'QEMU has ended'}`));
          });
        }),
    );
    // One write: QEMU handles all of it in one turn of its main loop, during which the guest cannot access devices.
    this.#socket.write(`${commands.join('\n')}\n`);
    return Promise.all(replies);
  }
}
