import { mkdirSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { LabError } from '../core/errors.ts';
import { protections } from '../core/sandbox.ts';
import { asReported, recordPlace } from '../core/storage.ts';
import { removeLeftoversIn } from '../core/temporary.ts';
import type { StorePlace } from '../history/place.ts';
import type { EventBody, StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { HostFacts, PlanRecord, RunRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';
import { newRunDir } from '../record/find.ts';
import { RecordFold } from '../record/fold.ts';
import { RECORD_FILE, saveRecord, writeRecord } from '../record/record.ts';
import { seriesRecord } from './series-record.ts';

/** Where a run's record goes, and which program makes it. */
export interface RecordOptions {
  runsDir: string;
  /** Folder of the record; absent: a new one in `runsDir`. */
  out?: string | undefined;
  /** The history that the run is added to when it has ended; absent: none. */
  store?: StorePlace | undefined;
  /** Version of ringlab. */
  version: string;
  /** The run is over mutants: its record lists what becomes of each. */
  overMutants?: boolean | undefined;
}

/** Longest time that a record on disk lags behind its run, ms. */
const SAVE_MS = 3_000;

/** Whether a folder is `created` or lies in it; nothing is where nothing was created. */
const isBelow = (folder: string, created: string) =>
  created !== '' && (folder === created || folder.startsWith(created + sep));

function hostFacts(): HostFacts {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
  };
}

function planRecord(plan: Plan): PlanRecord {
  const { sources, withBase, config, repeats, only, kernelArgs, qemuArgs, bootTimeoutMs, jobs } = plan;
  return {
    ...{ sources, withBase, config, repeats, only, kernelArgs, qemuArgs, bootTimeoutMs, jobs },
    ...(plan.series === undefined ? {} : { series: plan.series }),
    ...(plan.accel === undefined ? {} : { accel: plan.accel }),
    ...(plan.bench === undefined ? {} : { bench: plan.bench }),
    ...(plan.restarts === undefined ? {} : { restarts: plan.restarts }),
    ...(plan.isolate ? { isolate: true } : {}),
    ...(plan.fork === false ? { fork: false } : {}),
    ...(plan.confirm === undefined ? {} : { confirm: plan.confirm }),
    ...(plan.flaky === undefined ? {} : { flaky: plan.flaky }),
    ...(plan.allow?.skips || plan.allow?.gone ? { allow: plan.allow } : {}),
    pairs: plan.pairs.map(({ profile, suite }) => ({ profile: profile.name, suite: suite.name })),
  };
}

/** The record of a run before any work. */
function headOf(
  id: string,
  plan: Plan,
  series: Series | undefined,
  { version, overMutants }: RecordOptions,
  sandbox: RunRecord['sandbox'],
): RunRecord {
  const profiles = new Map(plan.pairs.map(({ profile }) => [profile.name, profile]));
  const suites = new Map(plan.pairs.map(({ suite }) => [suite.name, suite]));
  return {
    ...{ format: 2, id, startedAt: new Date().toISOString(), seconds: 0, ringlab: version },
    ...{ host: hostFacts(), sandbox },
    plan: planRecord(plan),
    ...(series ? { series: seriesRecord(series) } : {}),
    kernels: [],
    profiles: [...profiles].map(([name, profile]) => ({ id: name, profile })),
    suites: [...suites].map(([name, { summary }]) => ({ id: name, summary })),
    seed: plan.seed,
    ...(plan.bench ? { bench: { ...plan.bench, repeats: plan.repeats } } : {}),
    ...(overMutants ? { mutants: [] } : {}),
    ...{ cells: [], spans: [], failures: [], interrupted: false },
  };
}

/** Events that change no record, or only its times: not worth a write. */
const PASSING = new Set<EventBody['type']>([
  ...(['source.progress', 'series.progress', 'kernel.progress', 'kernel.output'] as const),
  ...(['cells.progress', 'guest.start', 'guest.ready', 'lock.wait', 'note'] as const),
]);

/**
 * A run that is being recorded: its events make its record. The record is on disk before the end of a cell or the tests of one are
 * reported to others, and at least every `SAVE_MS` while there is news, so that a kill costs no more than the cells that run.
 */
export class Recorder implements Disposable {
  readonly dir: string;
  /** For all that the run does: its events are recorded and handed on. The signal also fires when the record cannot be written. */
  readonly ctx: StageContext;
  readonly #fold = new RecordFold();
  readonly #started = performance.now();
  readonly #failed = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  /** The folder that `save` created first, e.g. `runs`; undefined while there is none. */
  #created: string | undefined;
  #isStale = true;
  #anyCell = false;
  /** The last write has begun: what is reported meanwhile needs no write besides. */
  #isEnding = false;

  private constructor(dir: string, outer: StageContext, saveMs: number) {
    this.dir = dir;
    this.#outer = outer.signal;
    const emit = (body: EventBody & { at?: number }) => {
      const event = { ...body, at: body.at ?? Date.now() };
      this.#fold.take(event);
      if (!PASSING.has(event.type)) this.#isStale = true;
      if (event.type === 'cell.start') this.#anyCell = true;
      // With its announced tests a cell that is cut off has a result for each of them.
      if (event.type === 'cell.end' || event.type === 'tests.announced') this.#saveInTurn();
      outer.emit(event);
    };
    this.ctx = { ...outer, signal: AbortSignal.any([outer.signal, this.#failed.signal]), emit };
    this.#timer = setInterval(this.#saveInTurn, saveMs).unref();
    // A second Ctrl-C ends the process at once, even during the last write: what the cells have given until then is saved here.
    process.on('exit', this.#save);
  }

  /**
   * Begins a record in memory; nothing is on disk before the first cell has ended, `saveMs` have passed or `keepFiles` was called.
   * Throws InputError when `out` holds a run already.
   */
  static async begin(
    plan: Plan,
    stack: readonly Series[],
    options: RecordOptions,
    ctx: StageContext,
    saveMs = SAVE_MS,
  ): Promise<Recorder> {
    const series = stack.at(-1);
    const { id, dir } = await newRunDir(options.runsDir, options.out, series?.name ?? 'base');
    const recorder = new Recorder(dir, ctx, saveMs);
    const sandbox = { required: !ctx.unsafeNoSandbox, protections: await protections(ctx) };
    recorder.ctx.emit({ type: 'run.start', record: headOf(id, plan, series, options, sandbox), dir });
    return recorder;
  }

  /** Creates the record's folder and the record: from here on the run leaves one, however it ends. */
  async keepFiles(): Promise<void> {
    this.#isStale = true;
    this.#save();
    this.ctx.signal.throwIfAborted();
  }

  /** Whether a cell has begun: from then on the record is worth keeping. */
  get anyCell(): boolean {
    return this.#anyCell;
  }

  get record(): RunRecord {
    const { record } = this.#fold;
    if (!record) throw new Error('the record was read before its first event');
    return record;
  }

  /** Saves the record as it stands. A failure ends the run: what it still does would be lost. */
  readonly #save = (): void => {
    if (!this.#isStale || !this.#fold.record) return;
    try {
      if (this.#created === undefined) {
        this.#created = mkdirSync(this.dir, { recursive: true }) ?? '';
        removeLeftoversIn(this.dir);
      }
      saveRecord(this.dir, this.record);
      this.#isStale = false;
    } catch (error) {
      this.#failed.abort(asReported(error, recordPlace(this.dir)));
    }
  };

  readonly #saveInTurn = (): void => {
    if (!this.#isEnding) this.#save();
  };

  /** Takes back what was saved, for a request that proves wrong: the record, and the folders that were made for it. */
  async withdraw(): Promise<void> {
    this[Symbol.dispose]();
    if (this.#created === undefined) return;
    await rm(join(this.dir, RECORD_FILE), { force: true });
    for (let folder = this.dir; isBelow(folder, this.#created); folder = dirname(folder)) {
      // A folder that has other files stays.
      const isRemoved = await rmdir(folder).then(
        () => true,
        () => false,
      );
      if (!isRemoved) return;
    }
  }

  /** Ends the record and writes it; cells without a result are lost. Throws LabError when it cannot be written. */
  async write(): Promise<RunRecord> {
    const { aborted, reason } = this.#outer;
    // A fault of the lab ends a run by its signal too.
    const interrupted = aborted && !(reason instanceof LabError);
    const cause = interrupted ? 'the run was interrupted' : 'the lab failed';
    this.#isEnding = true;
    for (const end of this.#fold.cutOff(cause)) this.ctx.emit(end);
    const seconds = Math.round((performance.now() - this.#started) / 100) / 10;
    this.ctx.emit({ type: 'run.end', seconds, interrupted });
    try {
      await writeRecord(this.dir, this.record);
    } catch (error) {
      throw asReported(error, recordPlace(this.dir));
    } finally {
      this[Symbol.dispose]();
    }
    this.ctx.emit({ type: 'record.written', dir: this.dir });
    return this.record;
  }

  /** Stops saving. */
  [Symbol.dispose](): void {
    this.#isEnding = true;
    clearInterval(this.#timer);
    process.off('exit', this.#save);
  }
}
