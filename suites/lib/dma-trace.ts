import { functionsLike, Probes } from './probes.ts';

const GROUP = 'ringlab_dma';

/**
 * Functions through which drivers map memory for DMA, whatever the series does (kernel/dma/mapping.c, drivers/iommu/dma-iommu.c). Of each list
 * the first that the kernel has: those after it call it.
 */
const MAPS = [
  ['dma_map_phys', 'dma_map_page_attrs'],
  ['dma_map_sg_attrs'],
  ['dma_map_sgtable'],
  ['dma_iova_try_alloc'],
];
const UNMAPS = [['dma_unmap_phys', 'dma_unmap_page_attrs'], ['dma_unmap_sg_attrs'], ['dma_iova_destroy']];

/** Mapping calls of a device that were seen: those that succeeded, and those that undid one. */
export interface MappingCalls {
  mapped: number;
  unmapped: number;
}

/** One line of trace_pipe: the task, the event, and the value that it recorded. */
const LINE = /-(\d+)\s+\[\d+\][^:]*: (map|unmap|ret)_(\w+): \([^)]*\) (?:dev="([^"]*)"|ret=(0x[0-9a-f]+))/;

/** Whether a function says by its return value, a register, that it mapped nothing. */
function hasFailed(name: string, value: bigint): boolean {
  if (name === 'dma_iova_try_alloc') return (value & 0xffn) === 0n;
  if (name === 'dma_map_sg_attrs') return (value & 0xffff_ffffn) === 0n;
  if (name === 'dma_map_sgtable') return BigInt.asIntN(32, value) !== 0n;
  // DMA_MAPPING_ERROR
  return value === 0xffff_ffff_ffff_ffffn;
}

/** What lines of a trace show of PCI functions. */
export function callsIn(lines: Iterable<string>, functions: ReadonlySet<string>): MappingCalls {
  const calls = { mapped: 0, unmapped: 0 };
  /** Tasks whose last call was one of the device. */
  const inCall = new Set<string>();
  for (const line of lines) {
    const [, task = '', kind, name = '', device, value] = LINE.exec(line) ?? [];
    if (kind === 'ret' && value !== undefined) {
      if (inCall.delete(task) && hasFailed(name, BigInt(value))) calls.mapped--;
    } else if (device !== undefined && functions.has(device)) {
      calls[kind === 'map' ? 'mapped' : 'unmapped']++;
      if (kind === 'map') inCall.add(task);
    }
  }
  return calls;
}

const firstOf = (names: readonly string[], symbols: ReadonlySet<string>) =>
  names.find((name) => symbols.has(name));

/** The probes that a kernel with these functions takes. `$arg1` is the device, whose first member is its kobject, which begins with the name. */
function probesOf(symbols: ReadonlySet<string>): string[] {
  const device = 'dev=+0(+0($arg1)):string';
  const maps = MAPS.flatMap((names) => firstOf(names, symbols) ?? []);
  const unmaps = UNMAPS.flatMap((names) => firstOf(names, symbols) ?? []);
  return [
    ...maps.flatMap((name) => [
      `p:${GROUP}/map_${name} ${name} ${device}`,
      `r:${GROUP}/ret_${name} ${name} ret=$retval:x64`,
    ]),
    ...unmaps.map((name) => `p:${GROUP}/unmap_${name} ${name} ${device}`),
  ];
}

/** Shows whether I/O of a device maps memory, whatever the series under test has for that. */
export class DmaTrace {
  readonly #probes: Probes;

  private constructor(probes: Probes) {
    this.#probes = probes;
  }

  /** Returns why there is no trace where the kernel cannot trace. */
  static open(): DmaTrace | { reason: string } {
    const probes = Probes.open(GROUP, () => probesOf(functionsLike(/^dma_/)));
    return probes instanceof Probes ? new DmaTrace(probes) : probes;
  }

  /** The calls for PCI functions (`Controller.address`) since the last `take` of any. Throws Error when the trace has lost some. */
  take(functions: ReadonlySet<string>): MappingCalls {
    return callsIn(this.#probes.take(), functions);
  }

  /** How many calls were missed since the first `open`: with any, mapped and unmapped need not be equal. */
  missed(): number {
    return this.#probes.missed();
  }
}
