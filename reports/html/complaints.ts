import type { Complaint } from '../../lab/model/result.ts';
import type { Column, KernelSide } from './columns.ts';

/** A kernel complaint with all cells that have it. */
export interface SeenComplaint extends Complaint {
  /** Whether no base has it. Absent where nothing is compared. */
  isNew?: boolean;
  cells: { side: KernelSide; guest: string; suite: string }[];
}

const RANK = ({ isNew, fatal, known }: SeenComplaint): number =>
  (isNew ? 0 : 4) + (fatal ? 0 : 2) + (known === undefined ? 0 : 1);

/** The complaints of all kernels of the page, the same fault once: new ones first, of these fatal ones. */
export function complaintsOf(columns: readonly Column[]): SeenComplaint[] {
  const sides = new Map<string, KernelSide>();
  for (const side of columns.flatMap(({ base, patched }) => [base ?? [], patched ?? []].flat()))
    sides.set(JSON.stringify([side.record.id, side.kernel.id]), side);
  const news = new Set(
    columns.flatMap(({ comparison }) => comparison?.newComplaints.map(({ signature }) => signature) ?? []),
  );
  const isCompared = columns.some(({ comparison }) => comparison);
  const seen = new Map<string, SeenComplaint>();
  for (const side of sides.values())
    for (const cell of side.record.cells.filter(({ kernel }) => kernel === side.kernel.id))
      for (const complaint of cell.complaints) {
        const { signature } = complaint;
        const entry: SeenComplaint = seen.get(signature) ?? {
          ...complaint,
          ...(isCompared ? { isNew: news.has(signature) } : {}),
          cells: [],
        };
        entry.cells.push({ side, guest: cell.profile, suite: cell.suite });
        seen.set(signature, entry);
      }
  return [...seen.values()].sort((a, b) => RANK(a) - RANK(b));
}

/** A compiler warning. */
export interface BuildWarning {
  text: string;
  /** Whether no base has it. */
  isNew: boolean;
  kernels: string[];
}

/** The compiler warnings of all kernels of the page, new ones first. */
export function warningsOf(columns: readonly Column[]): BuildWarning[] {
  const news = new Set(columns.flatMap(({ comparison }) => comparison?.newWarnings ?? []));
  const warnings = new Map<string, BuildWarning>();
  for (const { kernel } of columns.flatMap(({ base, patched }) => [base ?? [], patched ?? []].flat()))
    for (const text of new Set([...kernel.newWarnings, ...kernel.warnings])) {
      const entry = warnings.get(text) ?? { text, isNew: news.has(text), kernels: [] };
      if (!entry.kernels.includes(kernel.name)) entry.kernels.push(kernel.name);
      warnings.set(text, entry);
    }
  return [...warnings.values()].sort((a, b) => Number(b.isNew) - Number(a.isNew));
}
