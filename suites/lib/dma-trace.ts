import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const TRACEFS = '/sys/kernel/tracing';
const GROUP = 'ringlab';

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

/** Adds what lines of a trace show of PCI functions. Returns the lines' sum; `lost`: events that the buffer had no room for. */
export function callsIn(
  lines: Iterable<string>,
  functions: ReadonlySet<string>,
): MappingCalls & { lost: boolean } {
  const calls = { mapped: 0, unmapped: 0, lost: false };
  /** Tasks whose last call was one of the device. */
  const inCall = new Set<string>();
  for (const line of lines) {
    if (/\[LOST \d+ EVENTS\]/.test(line)) calls.lost = true;
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

/** Functions of the kernel that can be probed. */
function symbolsOf(): Set<string> {
  const text = readFileSync('/proc/kallsyms', 'utf8');
  return new Set([...text.matchAll(/^\S+ [tT] (dma_\w+)$/gm)].map(([, name = '']) => name));
}

/**
 * Shows from outside whether I/O of a device maps memory, by probes on the kernel's functions for that: it needs nothing of the series under test, and
 * CONFIG_KPROBE_EVENTS of the kernel. One for each process.
 */
export class DmaTrace {
  static #opened: DmaTrace | { reason: string } | undefined;
  readonly #pipe: number;

  private constructor(pipe: number) {
    this.#pipe = pipe;
  }

  /** Sets the probes at the first call. Returns why there are none where the kernel cannot trace. */
  static open(): DmaTrace | { reason: string } {
    DmaTrace.#opened ??= DmaTrace.#begin();
    return DmaTrace.#opened;
  }

  static #begin(): DmaTrace | { reason: string } {
    const events = join(TRACEFS, 'kprobe_events');
    if (!existsSync(events)) return { reason: 'the kernel has no kprobe events (CONFIG_KPROBE_EVENTS)' };
    const instance = join(TRACEFS, 'instances', GROUP);
    try {
      if (!existsSync(instance)) mkdirSync(instance);
      for (const probe of probesOf(symbolsOf())) writeFileSync(events, `${probe}\n`, { flag: 'a' });
      writeFileSync(join(instance, 'buffer_size_kb'), '1024');
      writeFileSync(join(instance, `events/${GROUP}/enable`), '1');
      return new DmaTrace(openSync(join(instance, 'trace_pipe'), constants.O_RDONLY | constants.O_NONBLOCK));
    } catch (error) {
      return { reason: `the kernel refuses probes: ${(error as Error).message}` };
    }
  }

  /**
   * The calls for PCI functions (`Controller.address`) since the last `take` of any. Throws Error when the buffer had no room for all of
   * them.
   */
  take(functions: ReadonlySet<string>): MappingCalls {
    const { lost, ...calls } = callsIn(this.#read().split('\n'), functions);
    if (lost) throw new Error('the trace of mapping calls lost events');
    return calls;
  }

  /** What has been traced and not yet read. */
  #read(): string {
    const chunk = Buffer.alloc(64 << 10);
    const parts: Buffer[] = [];
    for (;;) {
      const bytes = this.#readSome(chunk);
      if (bytes === 0) return Buffer.concat(parts).toString('latin1');
      parts.push(Buffer.from(chunk.subarray(0, bytes)));
    }
  }

  #readSome(chunk: Buffer): number {
    try {
      return readSync(this.#pipe, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }

  /** Ends tracing, for a process that goes on without it. */
  close(): void {
    closeSync(this.#pipe);
    DmaTrace.#opened = undefined;
  }
}
