import { fstatSync } from 'node:fs';
import { addRange, attached, detached, inside, integer, type MemoryRange, removeRange } from './bounds.ts';
import { checked } from './error.ts';
import { native } from './native.ts';

const PAGE = 4096;
/** Flags of the addon's `allocate` (native/memory.c). */
const KIND = { private: 0, shared: 1, hugetlb: 2, transparent: 4, reused: 8 } as const;
type Kind = keyof typeof KIND | 'scattered';

/** The largest length, bytes: the addon takes lengths of 32 bits. */
const MAX_LENGTH = 2 ** 32 - (4 << 20);

/**
 * Page-aligned, zeroed memory outside the heap, at a fixed address. The pages before and behind it are not accessible, and its address is
 * never used again, so that neither an overrun nor a late transfer reaches other memory of this process. `kind`: `private`, `shared` (with forked children too), `hugetlb`
 * (2 MiB pages from the pool), `transparent` (2 MiB-aligned; huge pages if the kernel has some), `scattered` (no two adjacent pages are
 * adjacent in physical memory; not zeroed; root only), `reused` (not protected as above: later mappings may get its address). The constructor throws RangeError for a length that is no integer from 1 to
 * nearly 4 GiB, SyscallError when the kernel has no such memory.
 */
export class Memory implements Disposable, MemoryRange {
  /** The memory, `length` bytes. */
  readonly bytes: Uint8Array;
  /** The same bytes as a DataView. */
  readonly view: DataView;
  readonly #address: bigint;

  constructor(length: number, kind: Kind = 'private') {
    integer('length of memory', length, 1, MAX_LENGTH);
    const unit = kind === 'hugetlb' ? 2 << 20 : PAGE;
    const mapped = Math.ceil(length / unit) * unit;
    const result = kind === 'scattered' ? native().scattered(mapped) : native().allocate(mapped, KIND[kind]);
    const buffer = checked<ArrayBuffer>(result, 'mmap');
    this.bytes = new Uint8Array(buffer, 0, length);
    this.view = new DataView(buffer, 0, length);
    this.#address = native().address(this.bytes);
    addRange({ address: this.#address, length });
  }

  /** Address of the first byte. Throws RangeError after `release`. */
  get address(): bigint {
    attached('address', this.bytes);
    return this.#address;
  }

  /** Requested length, bytes; 0 after `release`. */
  get length(): number {
    return this.bytes.length;
  }

  /** `length` bytes from byte `offset` on; default: to the end. Throws RangeError when they are not inside, and after `release`. */
  part(offset: number, length = this.length - offset): MemoryRange {
    const { address } = this;
    integer('length', length, 0, MAX_LENGTH);
    inside('part', offset, length, this.length, 'the memory');
    return { address: address + BigInt(offset), length };
  }

  /** Detaches the memory now: views of it become empty. Does nothing more when repeated. */
  release(): void {
    if (detached(this.bytes)) return;
    removeRange(this.#address);
    native().release(this.bytes.buffer as ArrayBuffer);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Size of a regular file, bytes; undefined for another file, which may be mapped beyond its size, and for none. */
function sizeOf(fd: number): number | undefined {
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? stat.size : undefined;
  } catch {
    // mmap() reports the bad descriptor.
    return undefined;
  }
}

/**
 * A read-only shared mapping of part of a file or character device. Writing to `view` kills the process (SIGSEGV). The kernel keeps the
 * file open until the mapping is gone, which is soon after `release`: when the ArrayBuffer is finalized. The constructor throws
 * RangeError for a range past the end of a regular file, where reading would kill the process (SIGBUS), and SyscallError.
 */
export class Mapping implements Disposable {
  /** The mapped bytes. */
  readonly view: DataView;

  /** `offset` and `length` are in bytes; `offset` must be a multiple of the page size. */
  constructor(fd: number, offset: number, length: number) {
    integer('length of a mapping', length, 1, MAX_LENGTH);
    integer('offset of a mapping', offset, 0, Number.MAX_SAFE_INTEGER);
    const file = sizeOf(fd);
    if (file !== undefined) inside('mapping', offset, length, Math.ceil(file / PAGE) * PAGE, 'the file');
    this.view = new DataView(checked<ArrayBuffer>(native().mapFile(fd, offset, length), 'mmap'));
  }

  /** Detaches the memory now: reading `view` throws TypeError. Does nothing more when repeated. */
  release(): void {
    const buffer = this.view.buffer as ArrayBuffer;
    if (buffer.byteLength > 0) native().release(buffer);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
