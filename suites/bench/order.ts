import type { Workload } from './workload.ts';

type BlockWorkload = Omit<Workload, 'route'>;

/** Instructions per submission through the block device in this run. */
const costs: { workload: BlockWorkload; instructions: number }[] = [];

/** Records the cost of a workload for `misordered` and `growth`. */
export function recordCost(workload: BlockWorkload, instructions: number): void {
  costs.push({ workload, instructions });
}

const keyOf = ({ kind, bytes, depth }: BlockWorkload) => `${kind} ${bytes >> 10}k depth ${depth}`;

/**
 * Checks the order `dma` < `bvec` < `none` of the recorded costs. Returns the number of workloads that were measured with all three
 * kinds of buffer, and a description of each that violates the order.
 */
export function misordered(): { compared: number; violations: string[] } {
  const violations: string[] = [];
  let compared = 0;
  for (const key of new Set(costs.map(({ workload }) => keyOf(workload)))) {
    const costOf = (buffer: Workload['buffer']) =>
      costs.find(({ workload }) => keyOf(workload) === key && workload.buffer === buffer)?.instructions;
    const [none, bvec, dma] = [costOf('none'), costOf('bvec'), costOf('dma')];
    if (none === undefined || bvec === undefined || dma === undefined) continue;
    compared++;
    if (!(dma < bvec && bvec < none)) violations.push(`${key}: dma ${dma}, bvec ${bvec}, none ${none}`);
  }
  return { compared, violations };
}

/** Recorded costs of pre-mapped buffers of `large` bytes as a multiple of those of `small` bytes, for each kind and depth. */
export function growth(small: number, large: number): { workload: string; factor: number }[] {
  const premapped = costs.filter(({ workload }) => workload.buffer === 'dma');
  return premapped.flatMap(({ workload, instructions }) => {
    const { kind, depth, bytes } = workload;
    const smaller = premapped.find(
      (cost) => cost.workload.kind === kind && cost.workload.depth === depth && cost.workload.bytes === small,
    );
    if (bytes !== large || !smaller) return [];
    return [{ workload: `${kind} depth ${depth}`, factor: instructions / smaller.instructions }];
  });
}
