import type { Comparison, TestChange } from '../../lab/model/compare.ts';
import type { CellRecord, KernelRecord, RunRecord } from '../../lab/model/run.ts';
import type { PageInput, RecordFolder } from './input.ts';

/** A kernel of a record, with the files of the record. */
export interface KernelSide {
  record: RunRecord;
  kernel: KernelRecord;
  folder?: RecordFolder | undefined;
}

/** What is judged: a patched kernel with its base, or a kernel alone where nothing is compared. */
export interface Column {
  index: number;
  /** Name for people, unique on the page. */
  name: string;
  comparison?: Comparison;
  base?: KernelSide;
  patched?: KernelSide;
}

/** Where a test or a figure belongs. */
export interface Place {
  column: Column;
  /** Ids of guest profile and suite. */
  guest: string;
  suite: string;
}

const sideOf = (
  record: RunRecord,
  id: string | undefined,
  folder: RecordFolder | undefined,
): KernelSide | undefined => {
  const kernel = record.kernels.find((each) => each.id === id);
  return kernel && { record, kernel, ...(folder ? { folder } : {}) };
};

type Draft = Omit<Column, 'index'>;

/** A column for each patched kernel of a comparison; a base without any has a column of its own. */
function comparedColumns(
  comparison: Comparison,
  [before, after]: readonly [PageSource, PageSource],
  nameOf: (kernel: string) => string,
): Draft[] {
  return comparison.kernels.flatMap(({ base, patched }) => {
    const baseSide = sideOf(before.record, base?.id, before.folder);
    const left = baseSide ? { base: baseSide } : {};
    if (patched.length === 0 && base) return [{ name: nameOf(base.name), comparison, ...left }];
    return patched.map(({ id, name }): Draft => {
      const side = sideOf(after.record, id, after.folder);
      return { name: nameOf(name), comparison, ...left, ...(side ? { patched: side } : {}) };
    });
  });
}

type PageSource = Pick<KernelSide, 'record' | 'folder'>;

function draftsOf({ record, comparison, folder, against = [] }: PageInput): Draft[] {
  const source: PageSource = { record, folder };
  if (against.length > 0)
    return against.flatMap((earlier) =>
      comparedColumns(
        earlier.comparison,
        [earlier, source],
        (name) => `${name} against ${earlier.record.id}`,
      ),
    );
  if (comparison) return comparedColumns(comparison, [source, source], (name) => name);
  // What mutants break is what they are for: of such a run only the healthy kernel is judged.
  const kernels = record.mutants ? record.kernels.filter(({ side }) => side === 'base') : record.kernels;
  return kernels.map((kernel) => ({
    name: kernel.name,
    patched: { record, kernel, ...(folder ? { folder } : {}) },
  }));
}

/** The columns of a page. Names that occur more than once get the number of their column. */
export function columnsOf(input: PageInput): Column[] {
  const drafts = draftsOf(input);
  return drafts.map((draft, index) => {
    const isUnique = drafts.filter(({ name }) => name === draft.name).length === 1;
    return { ...draft, index, name: isUnique ? draft.name : `${draft.name} (${index + 1})` };
  });
}

/** Finds the column of a row of a comparison. A row that only the base has names the base; its cell begins with the patched kernel. */
export function columnFinder(columns: readonly Column[], comparison: Comparison) {
  const candidates = columns.filter((column) => column.comparison === comparison);
  const byKernel = new Map(candidates.map((column) => [column.patched?.kernel.id, column]));
  return ({ kernel, cell }: Pick<TestChange, 'kernel' | 'cell'>): Column | undefined =>
    byKernel.get(kernel) ??
    candidates.find(({ patched }) => patched && cell.startsWith(`${patched.kernel.name}/`)) ??
    candidates.find(({ base }) => base?.kernel.id === kernel) ??
    candidates[0];
}

const keyOf = (kernel: string, profile: string, suite: string) => JSON.stringify([kernel, profile, suite]);

/** Finds the cell of a place on one side. */
export class CellFinder {
  readonly #byRecord = new Map<RunRecord, Map<string, CellRecord>>();

  at({ column, guest, suite }: Place, side: 'base' | 'patched'): CellRecord | undefined {
    const { record, kernel } = column[side] ?? {};
    return record && kernel && this.#cellsOf(record).get(keyOf(kernel.id, guest, suite));
  }

  #cellsOf(record: RunRecord): Map<string, CellRecord> {
    const cells =
      this.#byRecord.get(record) ??
      new Map(record.cells.map((cell) => [keyOf(cell.kernel, cell.profile, cell.suite), cell]));
    this.#byRecord.set(record, cells);
    return cells;
  }
}
