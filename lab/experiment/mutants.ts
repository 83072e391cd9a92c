import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareAgent } from '../cell/agent.ts';
import { type CellTools, runCell } from '../cell/run.ts';
import { exists } from '../core/cache.ts';
import { InputError, LabError, VerdictError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { probeAccel, scratchFolder } from '../guest/index.ts';
import { ensureImage } from '../image/index.ts';
import { buildKernel } from '../kernel/index.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild, SourceTree } from '../model/kernel.ts';
import type { Cell, Plan } from '../model/plan.ts';
import type { CellResult, TestResult } from '../model/result.ts';
import type { Series } from '../model/series.ts';
import { isFailure } from '../model/verdict.ts';
import { cellsOf } from '../plan/plan.ts';
import { importSeries } from '../series/index.ts';
import { applySeries, resolveSource } from '../source/index.ts';
import { applyStack } from './kernels.ts';
import { RECIPE } from './run.ts';

export interface MutantResult {
  name: string;
  /** What it plants: the subject of its patch. */
  fault: string;
  killed: boolean;
  /** `guest/suite: test`, or the cell's verdict when the whole cell went down. */
  killedBy?: string;
  /** Set when the mutant does not apply or build: it then says nothing about the suite. */
  broken?: string;
}

/** The mutants in `kernels/mutants/<of>`, a series or (for mainline code) a suite, by name; an InputError when there are none. */
export async function listMutants(
  of: string,
  only: readonly string[],
): Promise<{ name: string; path: string }[]> {
  const folder = join(projectRoot, 'kernels/mutants', of);
  const files = (await exists(folder))
    ? (await readdir(folder)).filter((file) => file.endsWith('.patch')).sort()
    : [];
  const all = files.map((file) => ({ name: file.replace(/[.]patch$/, ''), path: join(folder, file) }));
  const chosen = all.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  if (chosen.length > 0) return chosen;
  throw new InputError({
    what: all.length === 0 ? `${of} has no mutants` : `no mutant is named like ${only.join(', ')}`,
    where: all.length === 0 ? '--series/--suite' : '--mutant',
    expected: all.map(({ name }) => name).join(', ') || `patches in kernels/mutants/${of}/`,
  });
}

const isDown = (cell: CellResult) => cell.verdict !== 'done';

/**
 * Tells a test that the mutant broke: it passes without. A fault that a test knows of (todo) is one as well: on a kernel that
 * has fixed it, the mutant brings it back.
 */
export function breaks(healthy: CellResult): (test: TestResult) => boolean {
  const passed = new Set(healthy.tests.filter((test) => test.verdict === 'pass').map((test) => test.name));
  return ({ name, verdict }) => (isFailure(verdict) || verdict === 'todo') && passed.has(name);
}

/** What the mutant broke that is sound without it; undefined if nothing. */
export function killer(healthy: CellResult, mutated: CellResult): string | undefined {
  const where = `${mutated.guest}/${mutated.suite}`;
  const broken = mutated.tests.find(breaks(healthy));
  if (broken) return `${where}: ${broken.name}`;
  return isDown(mutated) && !isDown(healthy) ? `${where}: ${mutated.verdict}, ${mutated.reason}` : undefined;
}

/** Whose mutants a plan asks for: the series', or without one those of its only suite, for mainline code. */
export function mutantsOf(plan: Plan, stack: readonly Series[]): string {
  const series = stack.at(-1);
  if (series) return series.name;
  const [suite, ...others] = new Set(plan.pairs.map((pair) => pair.suite.name));
  if (suite && others.length === 0) return suite;
  throw new InputError({
    what: 'neither a series nor one suite is named',
    where: '--series/--suite',
    expected: 'a series whose mutants are to be planted, or a suite that has some for mainline code',
  });
}

interface Bench {
  tree: SourceTree;
  build: KernelBuild;
  healthy: { cell: Cell; result: CellResult }[];
}

/** The kernel without any mutant: only tests that pass here can notice one. */
async function healthyRun(
  plan: Plan,
  stack: readonly Series[],
  tools: CellTools,
  ctx: StageContext,
): Promise<Bench> {
  const source = await resolveSource(plan.sources[0] ?? {}, ctx);
  const { tree } = await applyStack(source, stack, ctx);
  const name = [source.name, stack.at(-1)?.name].filter(Boolean).join('+');
  const base = await buildKernel(source, plan.config, ctx);
  const build = stack.length > 0 ? await buildKernel({ ...tree, name }, plan.config, ctx, { base }) : base;
  const healthy: Bench['healthy'] = [];
  for (const cell of cellsOf(plan, [{ name, side: stack.length > 0 ? 'patched' : 'base' }])) {
    const result = await runCell(cell, build, tools, ctx);
    if (isDown(result) || !result.tests.some((test) => test.verdict === 'pass')) {
      throw new LabError(
        `${cell.name} is not healthy without a mutant: ${result.verdict}, ${result.reason ?? 'no test passes'}`,
      );
    }
    // Such a test proves nothing about a mutant (see killer); it is told, not counted.
    for (const { name: ill, verdict } of result.tests.filter((test) => isFailure(test.verdict))) {
      ctx.emit({
        stage: 'run',
        subject: cell.name,
        kind: 'note',
        text: `left out, it is ${verdict} without a mutant: ${ill}`,
      });
    }
    healthy.push({ cell, result });
  }
  return { tree, build, healthy };
}

async function tryMutant(
  mutant: { name: string; path: string },
  bench: Bench,
  tools: CellTools,
  ctx: StageContext,
): Promise<MutantResult> {
  const series = await importSeries(mutant.path, { name: mutant.name }, ctx);
  const result: MutantResult = { name: mutant.name, fault: series.title, killed: false };
  try {
    const { tree } = await applySeries(bench.tree, series, ctx);
    const name = `${bench.build.name}+${mutant.name}`;
    const build = await buildKernel({ ...tree, name }, tools.plan.config, ctx, { base: bench.build });
    for (const { cell, result: healthy } of bench.healthy) {
      const named = { ...cell, kernel: name, name: `${name}/${cell.guest.name}/${cell.suite.name}` };
      // One broken test is enough, and a mutant can make each of the others wait for its deadline.
      const mutated = await runCell(named, build, { ...tools, stopAt: breaks(healthy) }, ctx);
      const killedBy = killer(healthy, mutated);
      if (killedBy) return { ...result, killed: true, killedBy };
    }
    return result;
  } catch (error) {
    if (error instanceof VerdictError) return { ...result, broken: error.message };
    throw error;
  }
}

/**
 * Builds every mutant of a series incrementally and runs the plan's suites on it, up to the first test that fails though
 * it passes without the mutant. `onResult` hears of each as it is known.
 */
export async function runMutants(
  plan: Plan,
  stack: readonly Series[],
  options: { only: readonly string[]; onResult?: (result: MutantResult) => void },
  ctx: StageContext,
): Promise<MutantResult[]> {
  const mutants = await listMutants(mutantsOf(plan, stack), options.only);
  await using scratch = await scratchFolder('guest');
  const [image, agent] = await Promise.all([
    ensureImage(RECIPE, ctx),
    prepareAgent(plan.pairs.map(({ suite }) => suite)),
  ]);
  const accel = plan.accel ?? (await probeAccel(ctx)).accel;
  const tools = { plan, image, agent, accel, recordDir: scratch.dir };
  const bench = await healthyRun(plan, stack, tools, ctx);
  const results: MutantResult[] = [];
  for (const mutant of mutants) {
    const result = await tryMutant(mutant, bench, tools, ctx);
    results.push(result);
    options.onResult?.(result);
  }
  return results;
}
