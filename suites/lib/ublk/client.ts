import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { promisify } from 'node:util';
import { File, ioMemory, iovecs, type MemoryRange, type Test } from '../base.ts';
import { type Completion, Pump } from './pump.ts';

type Opcode = 'READ' | 'WRITE';

/**
 * A user of a ublk device that runs in the server's process: O_DIRECT I/O on a separate ring. It never blocks the event loop, so
 * the server can answer.
 */
export class UblkClient implements Disposable {
  readonly file: File;
  readonly #pump: Pump;
  readonly #t: Test;

  /**
   * Throws SyscallError when `path` cannot be opened. Open the device only after its start has finished: before that, open(2)
   * reads the partition table and blocks.
   */
  constructor(t: Test, path: string) {
    this.#t = t;
    this.file = new File(path, constants.O_RDWR | constants.O_DIRECT);
    this.#pump = new Pump(t.uapi, { entries: 128 });
  }

  /** Reads or writes all of `memory` at byte `offset` of the device. `flags`: RWF_ bits. */
  transfer(opcode: Opcode, memory: MemoryRange, offset: number, flags = 0): Promise<Completion> {
    return this.#pump.execute({
      ...{ opcode: `IORING_OP_${opcode}`, fd: this.file.fd, off: offset },
      ...{ addr: memory.address, len: memory.length, more: { rw_flags: flags } },
    });
  }

  /** Reads or writes these parts of memory as one READV or WRITEV at byte `offset` of the device. */
  async vectored(opcode: Opcode, parts: readonly MemoryRange[], offset: number): Promise<Completion> {
    using vector = iovecs(parts);
    const sqe = { opcode: `IORING_OP_${opcode}V`, fd: this.file.fd, off: offset };
    return await this.#pump.execute({ ...sqe, addr: vector.address, len: parts.length });
  }

  /** IORING_OP_FSYNC of the device. */
  fsync(): Promise<Completion> {
    return this.#pump.execute({ opcode: 'IORING_OP_FSYNC', fd: this.file.fd });
  }

  /** Reads `length` bytes. Throws AssertionError when the read fails or is short. */
  async get(offset: number, length: number): Promise<Uint8Array> {
    using memory = ioMemory(this.#t, length);
    const { res } = await this.transfer('READ', memory, offset);
    this.#t.equal(res, length, `CQE res of a read at ${offset}`);
    return memory.bytes.slice();
  }

  /** Writes all of `bytes`. Throws AssertionError when the write fails or is short. */
  async put(offset: number, bytes: Uint8Array, flags = 0): Promise<void> {
    using memory = ioMemory(this.#t, bytes.length);
    memory.bytes.set(bytes);
    const { res } = await this.transfer('WRITE', memory, offset, flags);
    this.#t.equal(res, bytes.length, `CQE res of a write at ${offset}`);
  }

  [Symbol.dispose](): void {
    this.#pump.close();
    this.file.close();
  }
}

const execFileAsync = promisify(execFile);

/**
 * Runs a command in a process that may block on the device, and returns its standard output. Throws the error of `execFile` when
 * the command fails or takes 20 s.
 */
export async function runCommand(t: Test, name: string, ...args: string[]): Promise<string> {
  const { stdout } = await execFileAsync(name, args, { signal: t.signal, timeout: 20_000 });
  return stdout;
}
