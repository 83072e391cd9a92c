import { checked } from './error.ts';
import { native } from './native.ts';

const PAGE = 4096;
/** Flags of the addon's `allocate` (native/memory.c). */
const KIND = { private: 0, shared: 1, hugetlb: 2, transparent: 4 } as const;
type Kind = keyof typeof KIND | 'scattered';

/**
 * Page-aligned, zeroed memory outside the heap, at a fixed address. `kind`: `private`, `shared` (with forked children too), `hugetlb`
 * (2 MiB pages from the pool), `transparent` (2 MiB-aligned; huge pages if the kernel has some), `scattered` (no two adjacent pages are
 * adjacent in physical memory; not zeroed; root only). The constructor throws RangeError for a length below 1, SyscallError when the
 * kernel has no such memory.
 */
export class Memory implements Disposable {
  /** The memory, `length` bytes. */
  readonly bytes: Uint8Array;
  /** The same bytes as a DataView. */
  readonly view: DataView;
  /** Address of the first byte. */
  readonly address: bigint;

  constructor(length: number, kind: Kind = 'private') {
    if (!Number.isInteger(length) || length < 1) throw new RangeError(`length ${length}: expected 1 or more`);
    const unit = kind === 'hugetlb' ? 2 << 20 : PAGE;
    const mapped = Math.ceil(length / unit) * unit;
    const result = kind === 'scattered' ? native().scattered(mapped) : native().allocate(mapped, KIND[kind]);
    const buffer = checked<ArrayBuffer>(result, 'mmap');
    this.bytes = new Uint8Array(buffer, 0, length);
    this.view = new DataView(buffer, 0, length);
    this.address = native().address(this.bytes);
  }

  /** Requested length, bytes. */
  get length(): number {
    return this.bytes.length;
  }

  /** Detaches the memory now: views of it become empty. Does nothing more when repeated. */
  release(): void {
    if (this.bytes.buffer.byteLength > 0) native().release(this.bytes.buffer as ArrayBuffer);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * A read-only shared mapping of part of a file or character device. Writing to `view` kills the process (SIGSEGV). The kernel keeps the
 * file open until the mapping is gone, which is soon after `release`: when the ArrayBuffer is finalized. The constructor throws
 * SyscallError.
 */
export class Mapping implements Disposable {
  /** The mapped bytes. */
  readonly view: DataView;

  /** `offset` and `length` are in bytes; `offset` must be a multiple of the page size. */
  constructor(fd: number, offset: number, length: number) {
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
