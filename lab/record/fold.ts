import { nameOfCell } from '../model/cell.ts';
import type { EventOf, LabEvent } from '../model/event.ts';
import type { CellRecord, KernelRecord, RunRecord, Span } from '../model/run.ts';
import { joinAttempts } from './attempts.ts';
import { cutOffRecord, OpenCells } from './cut-off.ts';
import { mergeRepeats } from './repeats.ts';

type SpanStart = EventOf<'source.start' | 'kernel.start' | 'image.start' | 'cell.start'>;
type SpanEnd = EventOf<'source.end' | 'kernel.end' | 'image.end' | 'cell.end'>;

function subjectOf(event: SpanStart | SpanEnd): string {
  if ('source' in event) return event.source;
  if ('kernel' in event) return event.kernel;
  return 'recipe' in event ? event.recipe : event.cell;
}

const stageOf = ({ type }: SpanStart | SpanEnd) => type.slice(0, type.indexOf('.')) as Span['stage'];

const cellId = ({ kernel, profile, suite }: CellRecord) => JSON.stringify([kernel, profile, suite]);

/**
 * Makes a run record of the events of a run. The run itself is recorded by it, so that a log of events (`--events FILE`) gives
 * the same record again. Before the run's last event the record is `unfinished`, and each cell without a result is `lost` in it.
 */
export class RecordFold {
  #head: RunRecord | undefined;
  #startedMs = 0;
  readonly #cells = new Map<string, CellRecord[]>();
  /** The merged record of each list of repeats; a list is replaced when a repeat is added. */
  readonly #merges = new WeakMap<readonly CellRecord[], CellRecord>();
  readonly #running = new Map<string, number>();
  readonly #open = new OpenCells();
  #lastMs = 0;
  #ended = false;

  /** Takes the next event; events that no record keeps are passed over. */
  take(received: LabEvent): void {
    const event =
      received.type === 'cell.end' ? { ...this.#open.withReported(received), at: received.at } : received;
    this.#takeSpan(event);
    this.#open.take(event);
    this.#lastMs = event.at;
    if (event.type === 'run.start') {
      this.#head = structuredClone(event.record);
      this.#startedMs = event.at;
    }
    const record = this.#head;
    if (!record) return;
    if (event.type === 'session.ready') this.#takeSession(record, event);
    else if (event.type === 'kernels.planned') planKernels(record, event);
    else if (event.type === 'kernel.ready') takeKernel(record, event.kernel);
    else if (event.type === 'cell.end') add(this.#cells, event.result);
    else if (event.type === 'mutant.end') takeMutant(record, event);
    else if (event.type === 'confirm.end') {
      record.confirmations = [...(record.confirmations ?? []), event.confirmation];
    } else if (event.type === 'lab.failure') {
      record.failures.push({ subject: event.subject, message: event.message });
    } else if (event.type === 'run.end') {
      record.seconds = event.seconds;
      record.interrupted = event.interrupted;
      this.#ended = true;
    }
  }

  /** The record as it stands; undefined before `run.start`. */
  get record(): RunRecord | undefined {
    if (!this.#head) return undefined;
    if (this.#ended) return { ...this.#head, cells: this.#merged(this.#cells) };
    const cells = new Map(this.#cells);
    for (const { result } of this.cutOff('the run did not end')) add(cells, result);
    const seconds = Math.round((this.#lastMs - this.#startedMs) / 100) / 10;
    return { ...this.#head, seconds, cells: this.#merged(cells), unfinished: true };
  }

  /** The ends of the cells that have no result, as events; `cause` is what ended the run (`cutOffRecord`). */
  cutOff(cause: string): EventOf<'cell.end'>[] {
    return this.#open.all.map((open): EventOf<'cell.end'> => {
      const result = cutOffRecord(open, cause, this.#lastMs);
      const cell = open.running?.cell ?? nameOfCell(open.planned);
      const ms = result.attempts[0]?.timings.totalMs ?? 0;
      return { type: 'cell.end', cell, verdict: result.verdict, ms, result };
    });
  }

  #merged(cells: ReadonlyMap<string, CellRecord[]>): CellRecord[] {
    return this.#inPlanOrder([...cells.values()].flatMap((repeats) => this.#merge(repeats) ?? []));
  }

  /** A run is saved every few seconds, and only some of its cells have changed. */
  #merge(repeats: readonly CellRecord[]): CellRecord | undefined {
    const merged = this.#merges.get(repeats) ?? mergeRepeats(joinedRepeats(repeats));
    if (merged) this.#merges.set(repeats, merged);
    return merged;
  }

  #takeSession(record: RunRecord, { image, accel, payloads }: EventOf<'session.ready'>): void {
    record.image = image;
    record.accel = accel;
    record.suites = record.suites.map((suite) => {
      const payload = payloads[suite.id];
      return payload === undefined ? suite : { ...suite, payload };
    });
  }

  #takeSpan(event: LabEvent): void {
    switch (event.type) {
      case 'source.start':
      case 'kernel.start':
      case 'image.start':
      case 'cell.start':
        this.#running.set(`${stageOf(event)} ${subjectOf(event)}`, event.at);
        return;
      case 'source.end':
      case 'kernel.end':
      case 'image.end':
      case 'cell.end': {
        const [stage, subject] = [stageOf(event), subjectOf(event)];
        const since = this.#running.get(`${stage} ${subject}`);
        this.#running.delete(`${stage} ${subject}`);
        if (since === undefined || !this.#head) return;
        this.#head.spans.push({ stage, subject, startMs: since - this.#startedMs, ms: event.at - since });
      }
    }
  }

  /** Cells end in any order; a record has them pair by pair, kernels next to each other. */
  #inPlanOrder(cells: CellRecord[]): CellRecord[] {
    const kernels = this.#head?.kernels.map(({ id }) => id) ?? [];
    const pairs = this.#head?.plan?.pairs ?? [];
    const pairOf = ({ profile, suite }: CellRecord) =>
      pairs.findIndex((pair) => pair.profile === profile && pair.suite === suite);
    return cells.sort(
      (a, b) => pairOf(a) - pairOf(b) || kernels.indexOf(a.kernel) - kernels.indexOf(b.kernel),
    );
  }
}

/** Lists the kernels that are to be built, without any fact of a build. */
function planKernels(record: RunRecord, { kernels }: EventOf<'kernels.planned'>): void {
  for (const kernel of kernels) takeKernel(record, { ...kernel, warnings: [], newWarnings: [] });
}

/** Adds a kernel, or replaces what was planned or known of it. */
function takeKernel(record: RunRecord, kernel: KernelRecord): void {
  const place = record.kernels.findIndex(({ id }) => id === kernel.id);
  if (place < 0) record.kernels.push(kernel);
  else record.kernels[place] = kernel;
}

function takeMutant(record: RunRecord, event: EventOf<'mutant.end'>): void {
  const { mutant: name, fault, killed, killedBy, broken } = event;
  record.mutants = [
    ...(record.mutants ?? []),
    { name, fault, killed, ...(killedBy ? { killedBy } : {}), ...(broken ? { broken } : {}) },
  ];
}

/** Adds the result of one repeat to those of its cell. */
function add(cells: Map<string, CellRecord[]>, result: CellRecord): void {
  const id = cellId(result);
  cells.set(id, [...(cells.get(id) ?? []), result]);
}

const repeatOf = ({ attempts }: CellRecord) => attempts[0]?.repeat ?? 1;

/** One record for each repeat, in order; guests that shared the tests of a repeat are joined. */
function joinedRepeats(results: readonly CellRecord[]): CellRecord[] {
  const byRepeat = new Map<number, CellRecord[]>();
  for (const result of results)
    byRepeat.set(repeatOf(result), [...(byRepeat.get(repeatOf(result)) ?? []), result]);
  const order = [...byRepeat].sort(([a], [b]) => a - b);
  return order.flatMap(([, parts]) => joinAttempts(parts.sort(byShard)) ?? []);
}

const byShard = (a: CellRecord, b: CellRecord) =>
  (a.attempts[0]?.shard ?? 0) - (b.attempts[0]?.shard ?? 0) ||
  (a.attempts[0]?.attempt ?? 0) - (b.attempts[0]?.attempt ?? 0);
