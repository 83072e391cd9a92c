import type { Socket } from 'node:net';
import { LabError } from '../core/errors.ts';
import { linesOf } from './qmp.ts';

const ANSWER_MS = 30_000;

/** QEMU's qtest channel: reads and writes the guest's physical memory from outside, device registers included. */
export class Qtest {
  readonly #socket: Socket;
  readonly #waiting: ((line: string | undefined) => void)[] = [];
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    linesOf(socket, (line) => this.#waiting.shift()?.(line));
    socket.once('close', () => {
      this.#closed = true;
      for (const done of this.#waiting.splice(0)) done(undefined);
    });
  }

  async read(address: number, width: 'b' | 'w' | 'l'): Promise<number> {
    const [line = ''] = await this.#send([`read${width} 0x${address.toString(16)}`]);
    return Number(line.split(' ')[1]);
  }

  /** Writes 16-bit values one after the other; the guest runs nothing of a device access in between. */
  async writeWords(writes: readonly { address: number; value: number }[]): Promise<void> {
    await this.#send(writes.map((w) => `writew 0x${w.address.toString(16)} 0x${w.value.toString(16)}`));
  }

  async #send(commands: readonly string[]): Promise<string[]> {
    if (this.#closed) throw new LabError('qtest: QEMU has ended');
    const answers = commands.map(
      () =>
        new Promise<string>((resolve, reject) => {
          const timer = setTimeout(() => reject(new LabError('qtest: no answer')), ANSWER_MS);
          this.#waiting.push((line) => {
            clearTimeout(timer);
            if (line?.startsWith('OK')) resolve(line);
            else reject(new LabError(`qtest: ${line ?? 'QEMU has ended'}`));
          });
        }),
    );
    // One write, so that QEMU takes all of it in one turn of its main loop, which shuts out the guest's device accesses.
    this.#socket.write(`${commands.join('\n')}\n`);
    return Promise.all(answers);
  }
}
