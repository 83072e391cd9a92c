import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { promisify } from 'node:util';
import { File, ioMemory, iovecs, type Memory, type Test } from '../index.ts';
import { type Answered, Pump } from './pump.ts';

type Kind = 'READ' | 'WRITE';

/** Who uses a ublk device from the server's own process: O_DIRECT over a ring of its own, so that the event loop never waits. */
export class Client implements Disposable {
  readonly file: File;
  readonly #pump: Pump;
  readonly #t: Test;

  /** Open a device only after its start has finished: until then opening reads, and waits. */
  constructor(t: Test, path: string) {
    this.#t = t;
    this.file = new File(path, constants.O_RDWR | constants.O_DIRECT);
    this.#pump = new Pump(t.uapi, { entries: 128 });
  }

  /** One transfer of all of `memory`, or of a part of it, at `offset` bytes of the device. */
  transfer(
    kind: Kind,
    memory: Pick<Memory, 'address' | 'length'>,
    offset: number,
    flags = 0,
  ): Promise<Answered> {
    return this.#pump.one({
      ...{ opcode: `IORING_OP_${kind}`, fd: this.file.fd, off: offset },
      ...{ addr: memory.address, len: memory.length, more: { rw_flags: flags } },
    });
  }

  /** One vectored transfer of these parts of memory. */
  async vectored(kind: Kind, parts: readonly Pick<Memory, 'address' | 'length'>[], offset: number) {
    using list = iovecs(parts);
    const request = { opcode: `IORING_OP_${kind}V`, fd: this.file.fd, off: offset };
    return await this.#pump.one({ ...request, addr: list.address, len: parts.length });
  }

  fsync(): Promise<Answered> {
    return this.#pump.one({ opcode: 'IORING_OP_FSYNC', fd: this.file.fd });
  }

  /** Reads bytes whole, or fails the test. */
  async get(offset: number, length: number): Promise<Uint8Array> {
    using memory = ioMemory(this.#t, length);
    this.#t.equal((await this.transfer('READ', memory, offset)).res, length, `a read at ${offset}`);
    return memory.bytes.slice();
  }

  /** Writes bytes whole, or fails the test. */
  async put(offset: number, bytes: Uint8Array, flags = 0): Promise<void> {
    using memory = ioMemory(this.#t, bytes.length);
    memory.bytes.set(bytes);
    const { res } = await this.transfer('WRITE', memory, offset, flags);
    this.#t.equal(res, bytes.length, `a write at ${offset}`);
  }

  [Symbol.dispose](): void {
    this.#pump.close();
    this.file.close();
  }
}

const run = promisify(execFile);

/** A command that may read and write the device as it likes: it is a process of its own, and this one goes on. What it said. */
export async function elsewhere(t: Test, name: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(name, args, { signal: t.signal, timeout: 20_000 });
  return stdout;
}
