import { createReadStream } from 'node:fs';
import { LineSplitter } from '../core/lines.ts';

/** Symbols of a kernel: 150,000 with everything built in. */
const MAX_SYMBOLS = 2_000_000;
const SYMBOL = /^([0-9a-f]{8,16}) [a-zA-Z] ([\w.$]+)$/;

/** Where the functions of a kernel begin, from its `System.map`. */
export class Symbols {
  readonly #addresses = new Map<string, bigint[]>();
  readonly #sorted: BigUint64Array;

  /** `symbols`: address and name, in any order. */
  constructor(symbols: readonly [bigint, string][]) {
    for (const [address, name] of symbols.slice(0, MAX_SYMBOLS)) {
      const same = this.#addresses.get(name);
      if (same) same.push(address);
      else this.#addresses.set(name, [address]);
    }
    this.#sorted = BigUint64Array.from(symbols.slice(0, MAX_SYMBOLS), ([address]) => address).sort();
  }

  /**
   * The address of `name+offset`. Several static functions may have one name: `size`, as the kernel prints it behind the offset, tells them
   * apart. Undefined without such a function, and if several have that size.
   */
  addressOf(name: string, offset: bigint, size: bigint): bigint | undefined {
    const fitting = (this.#addresses.get(name) ?? []).filter((address) => this.#sizeAt(address) === size);
    return fitting.length === 1 && fitting[0] !== undefined && offset < size
      ? fitting[0] + offset
      : undefined;
  }

  /** First address of a name, for one that is unique. */
  first(name: string): bigint | undefined {
    return this.#addresses.get(name)?.[0];
  }

  /** Bytes to the next symbol, as kallsyms counts the size of a function. */
  #sizeAt(address: bigint): bigint | undefined {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    const next = this.#sorted[low];
    return next === undefined ? undefined : next - address;
  }
}

/** Reads a `System.map`. Throws the error of the file system. */
export async function readSymbols(systemMap: string): Promise<Symbols> {
  const symbols: [bigint, string][] = [];
  const splitter = new LineSplitter((line) => {
    const [, address, name] = SYMBOL.exec(line) ?? [];
    if (address && name && symbols.length < MAX_SYMBOLS) symbols.push([BigInt(`0x${address}`), name]);
  });
  for await (const chunk of createReadStream(systemMap)) splitter.write(chunk);
  splitter.end();
  return new Symbols(symbols);
}
