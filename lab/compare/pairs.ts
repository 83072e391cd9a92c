import type { Side } from '../model/cell.ts';
import type { KernelRef, Lineup } from '../model/compare.ts';
import type { CellRecord, KernelRecord, RunRecord } from '../model/run.ts';

/** A kernel on one side of a comparison with its cells. */
export interface Subject {
  kernel: KernelRecord;
  cells: readonly CellRecord[];
}

/** The same profile and suite on both sides. A side that does not have the cell is absent. */
export interface Pair {
  /** For people: `guest/suite`, with a kernel in front where the comparison has several. */
  cell: string;
  /** Id of the patched kernel; of the base where only the base has the cell. */
  kernel: string;
  profile: string;
  suite: string;
  base?: CellRecord;
  patched?: CellRecord;
}

/** A base with the kernels that are compared with it. */
export interface Couples {
  base?: Subject;
  patched: Subject[];
}

const refOf = ({ kernel: { id, name } }: Subject): KernelRef => ({ id, name });

/** Names and ids of a couple, for the comparison. */
export const lineupOf = ({ base, patched }: Couples): Lineup => ({
  ...(base ? { base: refOf(base) } : {}),
  patched: patched.map(refOf),
});

/** The kernels of one side with their cells. */
export function subjectsOf({ kernels, cells }: RunRecord, side: Side): Subject[] {
  return kernels
    .filter((kernel) => kernel.side === side)
    .map((kernel) => ({ kernel, cells: cells.filter((cell) => cell.kernel === kernel.id) }));
}

/** Each base of a run with the kernels that were made from it or are compared with it; kernels without a base come last. */
export function couplesOfSides(record: RunRecord): Couples[] {
  const bases = subjectsOf(record, 'base');
  const patched = subjectsOf(record, 'patched');
  const couples = bases.map((base): Couples => {
    return { base, patched: patched.filter(({ kernel }) => kernel.base === base.kernel.id) };
  });
  const others = patched.filter(({ kernel }) => !bases.some((base) => base.kernel.id === kernel.base));
  return others.length > 0 ? [...couples, { patched: others }] : couples;
}

/** Stands for a cell that never began because its kernel could not be made. */
function neverBegan({ kernel: { id, failure } }: Subject, twin: CellRecord): CellRecord | undefined {
  if (!failure) return undefined;
  const { profile, suite } = twin;
  const { verdict, message: reason } = failure;
  const results = { tests: [], complaints: [], metrics: [], attempts: [] };
  return { kernel: id, profile, suite, verdict, reason, ...results };
}

const placeOf = ({ profile, suite }: CellRecord) => `${profile}/${suite}`;

function pairUp(base: Subject | undefined, patched: Subject | undefined, prefix: string): Pair[] {
  const before = new Map(base?.cells.map((cell) => [placeOf(cell), cell]));
  const after = new Map(patched?.cells.map((cell) => [placeOf(cell), cell]));
  const places = new Map([...before, ...after]);
  return [...places].map(([place, cell]) => {
    const from = before.get(place) ?? (base && neverBegan(base, cell));
    const to = after.get(place) ?? (patched && neverBegan(patched, cell));
    return {
      cell: `${prefix}${place}`,
      kernel: (to ?? from ?? cell).kernel,
      ...{ profile: cell.profile, suite: cell.suite },
      ...(from ? { base: from } : {}),
      ...(to ? { patched: to } : {}),
    };
  });
}

/** Pairs the cells of all couples. A name of a kernel stands in front of each cell where there are several couples. */
export function pairsOf(couples: readonly Couples[]): Pair[] {
  const columns = couples.flatMap(({ base, patched }): { base?: Subject; patched?: Subject }[] => {
    const left = base ? { base } : {};
    return patched.length > 0 ? patched.map((each) => ({ ...left, patched: each })) : [left];
  });
  const byBase = couples.length > 1 && couples.every(({ patched }) => patched.length <= 1);
  return columns.flatMap(({ base, patched }) => {
    const named = byBase ? (base ?? patched) : (patched ?? base);
    const prefix = columns.length > 1 && named ? `${named.kernel.name}/` : '';
    return pairUp(base, patched, prefix);
  });
}

/** What a run is about: its patched kernels, or its bases where it ran without a series. */
function mainSubjects(record: RunRecord): Subject[] {
  const patched = subjectsOf(record, 'patched');
  return patched.length > 0 ? patched : subjectsOf(record, 'base');
}

/** The kernels of two runs: the only kernel of each, else those of the same name. */
export function couplesOfRuns(a: RunRecord, b: RunRecord): Couples[] {
  const [from, to] = [mainSubjects(a), mainSubjects(b)];
  const [base] = from;
  if (from.length <= 1 && to.length <= 1) return [{ ...(base ? { base } : {}), patched: to }];
  const names = new Set([...from, ...to].map(({ kernel }) => kernel.name));
  return [...names].map((name) => {
    const before = from.find(({ kernel }) => kernel.name === name);
    const after = to.filter(({ kernel }) => kernel.name === name);
    return { ...(before ? { base: before } : {}), patched: after.slice(0, 1) };
  });
}
