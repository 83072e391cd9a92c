import type { CellResult, CellVerdict, RunRecord } from '../model/result.ts';

/** One side of a comparison: its cells and what is known of its kernels. */
export interface Side {
  cells: readonly CellResult[];
  kernels: RunRecord['kernels'];
}

/** The same guest and suite on both sides. */
export interface Pair {
  /** `guest/suite`, with the kernel before it that tells it from others where a run has several. */
  cell: string;
  base?: CellResult;
  patched?: CellResult;
}

export function sideOf(record: RunRecord, side: 'base' | 'patched'): Side {
  return {
    cells: record.cells.filter((cell) => cell.side === side),
    kernels: record.kernels.filter((kernel) => kernel.side === side),
  };
}

/** The base that a kernel's name speaks of: `debian-6.12` of `debian-6.12+dma-premap`. */
function baseName(kernel: string, bases: readonly string[]): string {
  const found = bases.filter((base) => kernel === base || kernel.startsWith(`${base}+`));
  return found.sort((a, b) => b.length - a.length)[0] ?? kernel;
}

/** Stands for a cell that was not even begun because its kernel could not be made. */
function neverBegun(
  twin: CellResult,
  failure: { kernel: string; verdict: CellVerdict; message: string },
): CellResult {
  const { kernel, verdict, message } = failure;
  const side = twin.side === 'base' ? 'patched' : 'base';
  const empty = { tests: [], complaints: [], metrics: [], timings: { totalMs: 0 }, files: {} };
  const { guest, suite } = twin;
  return {
    ...empty,
    name: `${kernel}/${guest}/${suite}`,
    kernel,
    guest,
    suite,
    side,
    verdict,
    reason: message,
  };
}

function failureOf(side: Side) {
  const broken = side.kernels.find((kernel) => kernel.failure);
  if (!broken?.failure) return undefined;
  const verdict: CellVerdict = broken.failure.verdict === 'apply-failed' ? 'apply-failed' : 'build-failed';
  return { kernel: broken.name, verdict, message: broken.failure.message };
}

/** Pairs the cells of both sides by guest and suite. */
function pairUp(base: Side, patched: Side, prefix: string): Pair[] {
  const pairs = new Map<string, Pair>();
  const place = (cell: CellResult): Pair => {
    const name = `${prefix}${cell.guest}/${cell.suite}`;
    const pair = pairs.get(name) ?? { cell: name };
    pairs.set(name, pair);
    return pair;
  };
  for (const cell of base.cells) place(cell).base = cell;
  for (const cell of patched.cells) place(cell).patched = cell;
  const baseFailure = failureOf(base);
  const patchedFailure = failureOf(patched);
  for (const pair of pairs.values()) {
    if (pair.base && !pair.patched && patchedFailure) pair.patched = neverBegun(pair.base, patchedFailure);
    if (pair.patched && !pair.base && baseFailure) pair.base = neverBegun(pair.patched, baseFailure);
  }
  return [...pairs.values()];
}

const only = (side: Side, name: string | undefined): Side => ({
  cells: side.cells.filter(({ kernel }) => kernel === name),
  kernels: side.kernels.filter((kernel) => kernel.name === name),
});

/** Which kernel is compared with which, by name: each patched one with its base, or all with the only base. */
function couples(base: Side, patched: Side): { base?: string; patched?: string }[] {
  const bases = base.kernels.map(({ name }) => name);
  const found = patched.kernels.map(({ name }) => ({
    base: bases.length === 1 ? bases[0] : baseName(name, bases),
    patched: name,
  }));
  const alone = bases.filter((name) => !found.some((couple) => couple.base === name));
  return [...found, ...alone.map((name) => ({ base: name }))];
}

/** Pairs the cells of both sides. With `byKernel`, each kernel is compared with its own base. */
export function pairCells(base: Side, patched: Side, byKernel: boolean): Pair[] {
  if (!byKernel) return pairUp(base, patched, '');
  const all = couples(base, patched);
  const prefix = (couple: (typeof all)[number]) => {
    if (all.length === 1) return '';
    return `${base.kernels.length > 1 ? couple.base : couple.patched}/`;
  };
  return all.flatMap((couple) =>
    pairUp(only(base, couple.base), only(patched, couple.patched), prefix(couple)),
  );
}
