import { posix } from 'node:path';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { sandboxed, throwIfSandboxFailed } from '../core/sandbox.ts';
import type { StageContext } from '../model/event.ts';

/** A place in the source: of a function, or of one that the compiler inlined into it. `file` is relative to the tree. */
export interface SourcePlace {
  function: string;
  file: string;
  line: number;
}

/** Time for one kernel: addr2line reads the DWARF of the whole of it, 1 GiB for a debug kernel. */
const SECONDS = 120;
const PLACE = /^(.*):(\d+)(?: \(discriminator \d+\))?$/;

/** The file of `start_kernel()` in every tree: what stands before it in a path is the folder of the tree. */
const KNOWN_FILE = 'init/main.c';

/** The answers of addr2line by address, the innermost function first; addresses without debug information are left out. */
function parse(output: string): Map<bigint, SourcePlace[]> {
  const places = new Map<bigint, SourcePlace[]>();
  let current: SourcePlace[] = [];
  let name: string | undefined;
  for (const line of output.split('\n')) {
    if (/^0x[0-9a-f]+$/.test(line)) {
      current = [];
      name = undefined;
      places.set(BigInt(line), current);
    } else if (name === undefined) name = line;
    else {
      const [, file, number] = PLACE.exec(line) ?? [];
      if (file && file !== '??' && number) current.push({ function: name, file, line: Number(number) });
      name = undefined;
    }
  }
  return new Map([...places].filter(([, found]) => found.length > 0));
}

/** A path as the tree has it; of a file elsewhere only its name, since a record holds no path of the machine. */
function inTree(file: string, tree: string | undefined): string {
  const path = posix.normalize(file);
  if (tree !== undefined && path.startsWith(tree)) return path.slice(tree.length);
  return path.startsWith('/') || path.startsWith('..') ? posix.basename(path) : path;
}

/**
 * The source places of addresses, the innermost inlined function first. `startKernel`: the address of `start_kernel()`. An address that
 * the debug information does not know is left out; without debug information the result is empty. Runs in the sandbox, since a kernel's
 * ELF file is no trusted input. Throws LabError when addr2line fails, and the abort reason.
 */
export async function sourcePlaces(
  vmlinux: string,
  addresses: Iterable<bigint>,
  startKernel: bigint | undefined,
  ctx: StageContext,
): Promise<Map<bigint, SourcePlace[]>> {
  const asked = [...new Set([...addresses, ...(startKernel === undefined ? [] : [startKernel])])];
  const command = ['addr2line', '--addresses', '--functions', '--inlines', '--exe', vmlinux];
  const access = { readable: [vmlinux], writable: [], cwd: '/', limits: { seconds: SECONDS } };
  const [file = '', ...args] = await sandboxed(command, access, ctx);
  const input = asked.map((address) => `0x${address.toString(16)}\n`).join('');
  const result = await run(file, args, { input, signal: ctx.signal, accept: 'any', maxOutput: 16 << 20 });
  throwIfSandboxFailed(result);
  if (result.code !== 0) throw new LabError(`addr2line failed: ${result.stderr.trim().slice(0, 300)}`);
  const places = parse(result.stdout);
  const known = posix.normalize(places.get(startKernel ?? -1n)?.at(-1)?.file ?? '');
  const tree = known.endsWith(`/${KNOWN_FILE}`) ? known.slice(0, -KNOWN_FILE.length) : undefined;
  for (const found of places.values()) for (const place of found) place.file = inTree(place.file, tree);
  return places;
}
