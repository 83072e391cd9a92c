import { createWriteStream } from 'node:fs';
import { copyFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError, VerdictError } from '../core/errors.ts';
import { Resources } from '../core/resource.ts';
import { bootGuest, scratchFolder } from '../guest/index.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild } from '../model/kernel.ts';
import type { Accel, Guest, Image } from '../model/machine.ts';
import type { Cell, Plan } from '../model/plan.ts';
import type { CellResult, TestResult } from '../model/result.ts';
import { type AgentBundle, startAgent } from './agent.ts';
import { type Attributed, blame } from './attribute.ts';
import { collectComplaints } from './complaints.ts';
import { runSuite, type SuiteOutcome } from './execute.ts';
import { markKnown } from './known.ts';
import { metricsOf } from './metrics.ts';
import { startProgram } from './program.ts';

/** What all cells of a run share. */
export interface CellTools {
  plan: Plan;
  image: Image;
  agent: AgentBundle;
  accel: Accel;
  /** Folder of the run record, where TAP and console logs are kept. */
  recordDir: string;
  /** Ends the cell after the first test for which it holds; what would have come later is not in the result. */
  stopAt?: (test: TestResult) => boolean;
}

/** `debian-6.12+x/plain/passthrough` as a file name. */
const slug = (name: string) => name.replace(/[^A-Za-z0-9.+-]+/g, '_');

function emptyResult(cell: Cell): CellResult {
  return {
    name: cell.name,
    kernel: cell.kernel,
    guest: cell.guest.name,
    suite: cell.suite.name,
    side: cell.side,
    verdict: 'done',
    tests: [],
    complaints: [],
    metrics: [],
    timings: { totalMs: 0 },
    files: {},
  };
}

/** The result of a cell whose kernel could not be made. */
export function failedCell(cell: Cell, failure: VerdictError): CellResult {
  return { ...emptyResult(cell), verdict: failure.verdict, reason: failure.message, detail: failure.detail };
}

function withOutcome(result: CellResult, outcome: SuiteOutcome, found: readonly Attributed[]): CellResult {
  const fatal = found.find((complaint) => complaint.fatal);
  const crashed = outcome.verdict === 'done' && fatal;
  return {
    ...result,
    verdict: crashed ? 'crash' : outcome.verdict,
    reason: crashed ? fatal.title : outcome.reason,
    detail: crashed ? fatal.text : outcome.detail,
    tests: blame(outcome.tests, found),
    metrics: metricsOf(outcome.tests),
    complaints: found.map(({ test: _test, ...complaint }) => complaint),
  };
}

async function inGuest(guest: Guest, cell: Cell, kernel: KernelBuild, tools: CellTools, ctx: StageContext) {
  const tapName = `${slug(cell.name)}.tap`;
  const temp = join(tools.recordDir, `.${tapName}.tmp`);
  const sink = createWriteStream(temp);
  try {
    const options = { sink, debug: tools.plan.config.debug, stopAt: tools.stopAt };
    const start = cell.suite.run ? startProgram(guest, cell, ctx) : startAgent(guest, cell, kernel, tools);
    await using started = await start;
    const outcome = await runSuite(guest, cell, started, options, ctx);
    return { outcome, tapName };
  } finally {
    await new Promise((resolve) => sink.end(resolve));
    await rename(temp, join(tools.recordDir, tapName));
  }
}

/**
 * Boots the cell's guest, runs its suite and judges what came back. Kernel faults become verdicts of the result; faults
 * of the lab are thrown as LabError. The guest is gone when this returns.
 */
export async function runCell(
  cell: Cell,
  kernel: KernelBuild,
  tools: CellTools,
  ctx: StageContext,
): Promise<CellResult> {
  const started = performance.now();
  const result = emptyResult(cell);
  await using resources = new Resources();
  const { dir } = resources.use(await scratchFolder('guest'));
  const consoleName = `console-${slug(cell.name)}.log`;
  const keepConsole = async () => {
    await copyFile(join(dir, 'console.log'), join(tools.recordDir, consoleName)).catch(() => {});
    result.files.console = consoleName;
  };
  const elapsed = () => Math.round(performance.now() - started);
  ctx.emit({ stage: 'run', subject: cell.name, kind: 'start' });
  try {
    const guest = resources.use(
      await bootGuest(
        {
          name: cell.name,
          profile: cell.guest,
          kernel: { vmlinux: kernel.vmlinux, bzImage: kernel.bzImage },
          image: tools.image,
          accel: tools.accel,
          dir,
          bootTimeoutMs: tools.plan.bootTimeoutMs,
          kernelArgs: tools.plan.kernelArgs,
          qemuArgs: tools.plan.qemuArgs,
        },
        ctx,
      ),
    );
    const { outcome, tapName } = await inGuest(guest, cell, kernel, tools, ctx);
    // The console comes another way than the exit code, and later: with the guest gone it is there to its end.
    await guest[Symbol.asyncDispose]();
    const complaints = collectComplaints(guest.consoleText(), outcome.leakReport);
    const found = markKnown(complaints, tools.plan.known);
    const judged = withOutcome(result, outcome, found);
    await keepConsole();
    return {
      ...judged,
      files: { tap: tapName, console: consoleName },
      timings: { bootMs: Math.round(guest.bootMs), firstTapMs: outcome.firstTapMs, totalMs: elapsed() },
      qemu: {
        version: guest.qemuVersion,
        accel: guest.accel,
        commandLine: guest.commandLine.map((word) =>
          word.replaceAll(dir, '.').replaceAll(kernel.dir, 'kernel'),
        ),
      },
    };
  } catch (error) {
    ctx.signal.throwIfAborted();
    await keepConsole();
    if (error instanceof VerdictError) {
      return { ...result, ...failedCell(cell, error), files: result.files, timings: { totalMs: elapsed() } };
    }
    throw new LabError(`${cell.name}: the lab could not run this cell`, { cause: error });
  } finally {
    ctx.emit({ stage: 'run', subject: cell.name, kind: 'end', text: result.verdict });
  }
}
