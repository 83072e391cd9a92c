import type { CellResult, CellVerdict, RunRecord } from '../model/result.ts';

/** One side of a comparison: its cells and what is known of its kernels. */
export interface Side {
  cells: readonly CellResult[];
  kernels: RunRecord['kernels'];
}

/** The same guest and suite on both sides. */
export interface Pair {
  /** `guest/suite`, with the base kernel before it where a run has several. */
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

/** Pairs the cells of both sides. With `byKernel`, kernels are told apart by the base they stem from. */
export function pairCells(base: Side, patched: Side, byKernel: boolean): Pair[] {
  const bases = base.kernels.map((kernel) => kernel.name);
  const several = byKernel && bases.length > 1;
  const pairs = new Map<string, Pair>();
  const place = (cell: CellResult): Pair => {
    const name = `${cell.guest}/${cell.suite}`;
    const key = several ? `${baseName(cell.kernel, bases)}/${name}` : name;
    const pair = pairs.get(key) ?? { cell: key };
    pairs.set(key, pair);
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
