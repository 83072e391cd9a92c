import { checked } from './error.ts';
import { native } from './native.ts';

const PAGE = 4096;
const KIND = { private: 0, shared: 1, hugetlb: 2, transparent: 4 } as const;
type Kind = keyof typeof KIND | 'scattered';

/**
 * Page-aligned, zeroed memory outside the heap, with an address that stays. `kind`: `private`, `shared` (also with children),
 * `hugetlb` (whole 2 MiB pages from the pool), `transparent` (2 MiB-aligned, huge pages if the kernel has some), `scattered`
 * (no two neighbouring pages are neighbours in physical memory; what was there is left in them; root only).
 */
export class Memory implements Disposable {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: bigint;

  constructor(length: number, kind: Kind = 'private') {
    if (!Number.isInteger(length) || length < 1) throw new RangeError(`length ${length}: expected 1 or more`);
    const unit = kind === 'hugetlb' ? 2 << 20 : PAGE;
    const whole = Math.ceil(length / unit) * unit;
    const got = kind === 'scattered' ? native().scattered(whole) : native().allocate(whole, KIND[kind]);
    const buffer = checked<ArrayBuffer>(got, 'mmap');
    this.bytes = new Uint8Array(buffer, 0, length);
    this.view = new DataView(buffer, 0, length);
    this.address = native().address(this.bytes);
  }

  /** Length asked for, bytes. */
  get length(): number {
    return this.bytes.length;
  }

  /** Takes the memory away now: views of it become empty. Twice is once. */
  release(): void {
    if (this.bytes.buffer.byteLength > 0) native().release(this.bytes.buffer as ArrayBuffer);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * Part of a file or of a character device as the kernel changes it. It may only be read: writing to `view` ends the process. The
 * file stays open for the kernel until the memory has gone, which is soon after `release`. Throws SyscallError.
 */
export class Mapping implements Disposable {
  readonly view: DataView;

  /** `offset` and `length` in bytes; the offset is a multiple of the page size. */
  constructor(fd: number, offset: number, length: number) {
    this.view = new DataView(checked<ArrayBuffer>(native().mapFile(fd, offset, length), 'mmap'));
  }

  /** Takes the memory away now: reading it throws TypeError. Twice is once. */
  release(): void {
    const buffer = this.view.buffer as ArrayBuffer;
    if (buffer.byteLength > 0) native().release(buffer);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
