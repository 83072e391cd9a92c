import type { Uapi } from '../../lab/model/uapi.ts';

/** Thrown by a test that does not apply here; the reason goes behind `# SKIP`. */
export class SkipError extends Error {
  override readonly name = 'SkipError';
}

/** Names and numbers of the kernel under test. What it does not have skips the test that asks. */
export class UapiTable {
  readonly release: string;
  readonly #uapi: Uapi;

  constructor(uapi: Uapi) {
    this.#uapi = uapi;
    this.release = uapi.release;
  }

  /** Is the kernel of this release (`6.2`) or a later one? */
  since(release: string): boolean {
    const [own, wanted] = [this.release, release].map((text) => text.split(/[.-]/).map(Number));
    const [major = 0, minor = 0] = own ?? [];
    const [wantedMajor = 0, wantedMinor = 0] = wanted ?? [];
    return major === wantedMajor ? minor >= wantedMinor : major > wantedMajor;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#uapi.constants, name);
  }

  /** A constant that fits a double. Throws SkipError when the kernel has no such name. */
  constant(name: string): number {
    const value = this.#uapi.constants[name];
    if (value === undefined || !this.has(name)) throw new SkipError(`the kernel has no ${name}`);
    return Number(value);
  }

  /** The bits of several constants, or-ed. */
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
    const found = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (!found) throw new SkipError(`the kernel's struct ${struct} has no ${field}`);
    return found;
  }

  #struct(name: string) {
    const found = Object.hasOwn(this.#uapi.structs, name) ? this.#uapi.structs[name] : undefined;
    if (!found) throw new SkipError(`the kernel has no struct ${name}`);
    return found;
  }

  /** Writes fields of a struct by name, little-endian, each in its own width. */
  write(view: DataView, struct: string, values: Record<string, number | bigint | undefined>, at = 0): void {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue;
      const { offset, size } = this.field(struct, name);
      if (size === 1) view.setUint8(at + offset, Number(value));
      else if (size === 2) view.setUint16(at + offset, Number(value), true);
      else if (size === 4) view.setUint32(at + offset, Number(value), true);
      else view.setBigUint64(at + offset, BigInt.asUintN(64, BigInt(value)), true);
    }
  }
}
