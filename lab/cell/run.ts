import { createWriteStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { decodeComplaints } from '../console/index.ts';
import { writeJson } from '../core/atomic.ts';
import { errorText, VerdictError } from '../core/errors.ts';
import { readPlainFile } from '../core/plain-file.ts';
import { Resources } from '../core/resource.ts';
import { asReported, recordPlace, StorageError, throwIfFull } from '../core/storage.ts';
import { clockArguments, scratchFolder, startGuest } from '../guest/index.ts';
import type { Artefact } from '../model/artefact.ts';
import { type CellSpec, keyOfCell } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { StoredKernel } from '../model/kernel.ts';
import type { Guest, GuestRequest } from '../model/machine.ts';
import type { TestResult } from '../model/result.ts';
import type { Attempt, CellRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';
import { recordChars } from '../tap/index.ts';
import { launchAgent, preloadOf } from './agent.ts';
import { artefactOf } from './artefact.ts';
import { boundComplaints } from './bound.ts';
import { complaintsOf } from './complaints.ts';
import { withoutDamaged } from './damage.ts';
import { executeSuite } from './execute.ts';
import { launchPrograms } from './folder.ts';
import { markKnown } from './known.ts';
import { installModules } from './modules.ts';
import { withOutOfMemory } from './oom.ts';
import { launchProgram } from './program.ts';
import { emptyCell, type Judged, judge, nameOf } from './result.ts';
import type { CellSession } from './session.ts';
import type { SuiteOutcome } from './suite-end.ts';

/** What a caller may ask of one attempt besides its spec. */
export interface CellOptions {
  /** Ends the cell after the first test for which this returns true. */
  stopAt?: ((test: TestResult) => boolean) | undefined;
  /** Decides, by the result, whether another attempt takes what this one did not begin; may say in the result why not. */
  settle?: ((result: CellRecord) => { result: CellRecord; continues: boolean }) | undefined;
}

/** `debian-6.12+x/plain/passthrough` as a file name; a later attempt has its number. */
function fileStem(spec: CellSpec): string {
  const name = nameOf(spec)
    .replace('!', '.rerun-')
    .replace(/[^A-Za-z0-9.+-]+/g, '_');
  return spec.attempt > 1 ? `${name}.attempt-${spec.attempt}` : name;
}

/** Whether an option is built into a stored kernel. */
async function isConfigured({ dir }: StoredKernel, option: string): Promise<boolean> {
  const config = (await readPlainFile(join(dir, 'config'))) ?? '';
  return config.split('\n').includes(`CONFIG_${option}=y`);
}

/** The guest of a spec; its artefacts are known by their keys only. */
async function guestOf(spec: CellSpec, ctx: StageContext): Promise<GuestRequest> {
  const { kernel, image, profile, accel, deadlines, kernelArgs, qemuArgs } = spec;
  return {
    ...{ name: nameOf(spec), profile, accel, kernelArgs, qemuArgs, bootTimeoutMs: deadlines.bootMs },
    ...{ kernel: { key: kernel.key, vmlinux: '' }, image: { ...image, path: '' }, dir: '' },
    clockArgs: await clockArguments(ctx, accel),
    preload: preloadOf(spec),
  };
}

/** Announces the guests of cells that will run, so that what they are forked of can be made in time. */
export async function expectGuests(
  specs: readonly CellSpec[],
  { templates }: CellSession,
  ctx: StageContext,
): Promise<void> {
  if ('reason' in templates) return;
  for (const spec of specs) {
    // A guest for each test.
    const guests = spec.most === undefined ? 1 : Number.POSITIVE_INFINITY;
    if (!spec.suite.boots) await templates.expect(await guestOf(spec, ctx), guests);
  }
}

/** One attempt under way: its spec, where its files go. */
class CellRun {
  readonly #started = performance.now();
  readonly #artefacts: Artefact[] = [];
  readonly name: string;
  readonly #stem: string;

  constructor(
    readonly spec: CellSpec,
    readonly session: CellSession,
    readonly options: CellOptions,
    readonly ctx: StageContext,
  ) {
    this.name = nameOf(spec);
    this.#stem = fileStem(spec);
  }

  get totalMs(): number {
    return Math.round(performance.now() - this.#started);
  }

  /** Resolves to the file's bytes. */
  async #keep(kind: Artefact['kind'], file: string): Promise<number> {
    const artefact = await artefactOf(kind, this.session.recordDir, file);
    this.#artefacts.push(artefact);
    return artefact.bytes;
  }

  async keepSpec(): Promise<void> {
    const file = `cell-${this.#stem}.json`;
    await writeJson(join(this.session.recordDir, file), this.spec);
    await this.#keep('spec', file);
  }

  /** A guest that never started has no console. */
  async keepConsole(dir: string): Promise<void> {
    const file = `console-${this.#stem}.log`;
    try {
      await copyFile(join(dir, 'console.log'), join(this.session.recordDir, file));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    this.session.budgets.console.spend(await this.#keep('console', file));
  }

  async boot(
    kernel: StoredKernel,
    image: Awaited<ReturnType<CellSession['image']>>,
    payload: string,
    dir: string,
  ): Promise<Guest> {
    const { spec, session, ctx } = this;
    const request = {
      ...(await guestOf(spec, ctx)),
      ...{ kernel: { key: spec.kernel.key, vmlinux: kernel.vmlinux }, image, dir },
      consoleBytes: session.budgets.console.share,
      preload: preloadOf(spec, { payload, kernel }),
    };
    const boots = spec.suite.boots ? { reason: 'what is measured may depend on the boot' } : undefined;
    return startGuest(request, boots ?? session.templates, ctx);
  }

  /** Runs the suite in its guest and keeps what it printed. */
  async execute(guest: Guest, kernel: StoredKernel, payload: string): Promise<SuiteOutcome> {
    const { spec, session } = this;
    const file = `${this.#stem}.tap`;
    const path = join(session.recordDir, file);
    // Under its own name from the first byte: what a killed lab has received is evidence.
    const sink = createWriteStream(path);
    const failed = new AbortController();
    sink.on('error', (error) => failed.abort(asReported(error, recordPlace(session.recordDir))));
    const ctx = { ...this.ctx, signal: AbortSignal.any([this.ctx.signal, failed.signal]) };
    try {
      const launchers = { agent: launchAgent, program: launchProgram, programs: launchPrograms };
      await using launch = await launchers[spec.payload.kind](guest, spec, payload, kernel);
      const { output: budget, results } = session.budgets;
      const hasKmemleak = await isConfigured(kernel, 'DEBUG_KMEMLEAK');
      const options = { cell: this.name, sink, budget, hasKmemleak, stopAt: this.options.stopAt };
      return await executeSuite(guest, spec, launch, { ...options, resultChars: results.share }, ctx);
    } finally {
      await finished(sink.end()).catch(() => {});
      failed.signal.throwIfAborted();
      await this.#keep('tap', file);
    }
  }

  /** The record of this attempt; `attempt` holds what is not derived from its verdict. */
  record(
    { verdict, reason, detail, notBegun, ...results }: Judged,
    attempt: Pick<Attempt, 'start' | 'timings' | 'qemu'>,
  ): CellRecord {
    const rest = notBegun.length > 0 ? { notBegun: [...notBegun] } : {};
    const facts = { key: keyOfCell(this.spec), artefacts: this.#artefacts, ...rest, ...attempt };
    return { ...emptyCell(this.spec, verdict, { reason, detail, ...facts }), ...results };
  }

  failed(verdict: CellRecord['verdict'], reason: string, detail: string): CellRecord {
    const facts = { key: keyOfCell(this.spec), artefacts: this.#artefacts };
    return emptyCell(this.spec, verdict, {
      ...{ reason, detail, ...facts },
      timings: { totalMs: this.totalMs },
    });
  }
}

/** Boots, executes and judges. The guest is gone when this returns. */
async function attempt(run: CellRun, dir: string, resources: Resources): Promise<CellRecord> {
  const { spec, session } = run;
  const [kernel, image, payload] = await Promise.all([
    session.kernel(spec.kernel.key),
    session.image(spec.image),
    session.payload(spec.payload),
  ]);
  const guest = resources.use(await run.boot(kernel, image, payload, dir));
  await installModules(guest, kernel, dir, run.ctx);
  const outcome = await run.execute(guest, kernel, payload);
  // QEMU hands a full disk to the guest as failing I/O, which is no fault of the kernel.
  if (outcome.verdict !== 'done' || outcome.tests.some(({ verdict }) => isFailure(verdict)))
    throwIfFull(dir, 'the guest could not write to its drives');
  // The console takes another way than the exit code and arrives later: with the guest gone it is complete.
  await guest[Symbol.asyncDispose]();
  const printed = markKnown(await complaintsOf(guest, outcome.leakReport), spec.known);
  const systemMap = join(kernel.dir, 'System.map');
  const complaints = await decodeComplaints(printed, { vmlinux: kernel.vmlinux, systemMap }, run.ctx);
  const { results } = session.budgets;
  const explained = await withOutOfMemory(outcome, guest.consoleFile);
  const trusted = withoutDamaged(explained, complaints, spec);
  const judged = judge(trusted, boundComplaints(complaints, results.share / 2));
  results.spend(recordChars(judged));
  await run.keepConsole(dir);
  const portable = (word: string) => word.replaceAll(dir, '.').replaceAll(kernel.dir, 'kernel');
  return run.record(judged, {
    start: guest.start,
    timings: {
      bootMs: Math.round(guest.bootMs),
      ...(outcome.firstTapMs === undefined ? {} : { firstTapMs: outcome.firstTapMs }),
      totalMs: run.totalMs,
    },
    qemu: {
      version: guest.qemuVersion,
      accel: guest.accel,
      commandLine: guest.commandLine.map(portable),
      confinement: [...guest.confinement],
    },
  });
}

/**
 * Runs one attempt of a cell: boots its guest, runs its suite and judges the results. Faults of the kernel become verdicts of
 * the record, faults of the lab the verdict `lab-failed`. Throws the abort reason when `ctx.signal` fires, and InputError when
 * the session does not have an artefact of the spec.
 */
export async function runCell(
  spec: CellSpec,
  session: CellSession,
  ctx: StageContext,
  options: CellOptions = {},
): Promise<CellRecord> {
  const run = new CellRun(spec, session, options, ctx);
  await using resources = new Resources();
  const { dir } = resources.use(await scratchFolder('guest'));
  ctx.emit({ type: 'cell.start', cell: run.name, spec });
  await run.keepSpec();
  const result = await attempt(run, dir, resources).catch(async (thrown) => {
    ctx.signal.throwIfAborted();
    const error = asReported(thrown);
    // On a full disk the console cannot be kept either, and the first failure explains both.
    await run.keepConsole(dir).catch((unkept) => {
      if (!(error instanceof StorageError)) throw asReported(unkept, recordPlace(session.recordDir));
    });
    if (error instanceof VerdictError) return run.failed(error.verdict, error.message, error.detail);
    return run.failed('lab-failed', errorText(error), '');
  });
  if (result.verdict === 'lab-failed') {
    const message = `${run.name}: the lab could not run this cell: ${result.reason}`;
    ctx.emit({ type: 'lab.failure', subject: run.name, message });
  }
  const settled = options.settle?.(result) ?? { result, continues: false };
  ctx.emit({
    ...{ type: 'cell.end', cell: run.name, verdict: result.verdict, ms: run.totalMs },
    ...{ result: settled.result, ...(settled.continues ? { continues: true } : {}) },
  });
  return settled.result;
}
