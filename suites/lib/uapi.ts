import type { Uapi } from '../../lab/model/uapi.ts';
import { integer } from '../binding/index.ts';

/**
 * Thrown where a test does not apply to this kernel or guest. The message follows `# SKIP` in TAP; `lacks` is the name that the
 * kernel under test does not have, if that is the reason: a comparison calls the test `new` on a kernel that has it.
 */
export class SkipError extends Error {
  override readonly name = 'SkipError';
  readonly lacks: string | undefined;

  constructor(message: string, lacks?: string) {
    super(message);
    this.lacks = lacks;
  }
}

/** Names and numbers of the kernel under test. Methods throw SkipError for a name that its headers do not have. */
export class UapiTable {
  /** Release of the kernel, e.g. `6.12.117-ringlab`. */
  readonly release: string;
  readonly #uapi: Uapi;

  constructor(uapi: Uapi) {
    this.#uapi = uapi;
    this.release = uapi.release;
  }

  /** Whether the kernel is of this release (`6.2`) or a later one. */
  since(release: string): boolean {
    const version = (text: string) => text.split(/[.-]/).map(Number);
    const [major = 0, minor = 0] = version(this.release);
    const [sinceMajor = 0, sinceMinor = 0] = version(release);
    return major === sinceMajor ? minor >= sinceMinor : major > sinceMajor;
  }

  /** Whether the kernel's headers have a constant of this name. */
  has(name: string): boolean {
    return Object.hasOwn(this.#uapi.constants, name);
  }

  /** The value of a constant, which must fit a double. */
  constant(name: string): number {
    const value = this.#uapi.constants[name];
    if (value === undefined || !this.has(name)) throw new SkipError(`the kernel has no ${name}`, name);
    return Number(value);
  }

  /** Several constants or-ed, as an unsigned 32-bit number. */
  bits(...names: string[]): number {
    return names.reduce((bits, name) => (bits | this.constant(name)) >>> 0, 0);
  }

  /** sizeof(struct name), bytes. */
  size(struct: string): number {
    return this.#struct(struct).size;
  }

  /** Offset and size of a field, bytes. */
  field(struct: string, field: string): { offset: number; size: number } {
    const { fields } = this.#struct(struct);
    const place = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (!place) {
      throw new SkipError(`the kernel's struct ${struct} has no ${field}`, `${struct}.${field}`);
    }
    return place;
  }

  #struct(name: string) {
    const struct = Object.hasOwn(this.#uapi.structs, name) ? this.#uapi.structs[name] : undefined;
    if (!struct) throw new SkipError(`the kernel has no struct ${name}`, name);
    return struct;
  }

  /**
   * Writes fields of a struct that begins at byte `at`, little-endian, each in its width; undefined values are left out. Throws RangeError
   * for a value that is no integer of that width, signed or unsigned.
   */
  write(view: DataView, struct: string, values: Record<string, number | bigint | undefined>, at = 0): void {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue;
      const { offset, size } = this.field(struct, name);
      const bits = BigInt(8 * Math.min(size, 8));
      integer(`${struct}.${name}`, value, -(1n << (bits - 1n)), (1n << bits) - 1n);
      if (size === 1) view.setUint8(at + offset, Number(value));
      else if (size === 2) view.setUint16(at + offset, Number(value), true);
      else if (size === 4) view.setUint32(at + offset, Number(value), true);
      else view.setBigUint64(at + offset, BigInt.asUintN(64, BigInt(value)), true);
    }
  }
}
