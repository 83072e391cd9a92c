import type { Workload } from './workload.ts';

type Load = Omit<Workload, 'through'>;

/** What submissions through the block device cost in this run, instructions. */
const costs: { load: Load; submit: number }[] = [];

export function note(load: Load, submit: number): void {
  costs.push({ load, submit });
}

const keyOf = ({ kind, bytes, depth }: Load) => `${kind} ${bytes >> 10}k depth ${depth}`;

/** Workloads where naming the buffer better does not cost less (`dma` < `bvec` < `none`), and how many were looked at. */
export function outOfOrder(): { compared: number; wrong: string[] } {
  const wrong: string[] = [];
  let compared = 0;
  for (const key of new Set(costs.map(({ load }) => keyOf(load)))) {
    const of = (naming: Load['naming']) =>
      costs.find(({ load }) => keyOf(load) === key && load.naming === naming)?.submit;
    const [none, bvec, dma] = [of('none'), of('bvec'), of('dma')];
    if (none === undefined || bvec === undefined || dma === undefined) continue;
    compared++;
    if (!(dma < bvec && bvec < none)) wrong.push(`${key}: dma ${dma}, bvec ${bvec}, none ${none}`);
  }
  return { compared, wrong };
}

/** What mapped buffers of `large` bytes cost, as a multiple of those of `small`. */
export function growth(small: number, large: number): { what: string; factor: number }[] {
  const mapped = costs.filter(({ load }) => load.naming === 'dma');
  return mapped.flatMap(({ load, submit }) => {
    const { kind, depth, bytes } = load;
    const other = mapped.find(
      (one) => one.load.kind === kind && one.load.depth === depth && one.load.bytes === small,
    );
    if (bytes !== large || !other) return [];
    return [{ what: `${kind} depth ${depth}`, factor: submit / other.submit }];
  });
}
