import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError, LabError, VerdictError } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { probeAccel, scratchFolder } from '../guest/index.ts';
import { ensureImage } from '../image/index.ts';
import { buildKernel } from '../kernel/index.ts';
import type { StageContext } from '../model/event.ts';
import type { KernelBuild, SourceTree } from '../model/kernel.ts';
import type { Cell, Plan } from '../model/plan.ts';
import type { CellResult } from '../model/result.ts';
import type { Series } from '../model/series.ts';
import { importSeries } from '../series/index.ts';
import { applySeries, resolveSource } from '../source/index.ts';
import { prepareAgent } from './agent.ts';
import { type CellTools, runCell } from './cell.ts';
import { applyStack } from './kernels.ts';
import { RECIPE } from './pipeline.ts';
import { cellsOf } from './plan.ts';

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

/** The mutants of a series, by name; an InputError when there are none. */
export async function listMutants(
  series: string,
  only: readonly string[],
): Promise<{ name: string; path: string }[]> {
  const folder = join(projectRoot, 'kernels/mutants', series);
  const files = (await exists(folder))
    ? (await readdir(folder)).filter((file) => file.endsWith('.patch')).sort()
    : [];
  const all = files.map((file) => ({ name: file.replace(/[.]patch$/, ''), path: join(folder, file) }));
  const chosen = all.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  if (chosen.length > 0) return chosen;
  throw new InputError({
    what: all.length === 0 ? `series ${series} has no mutants` : `no mutant is named like ${only.join(', ')}`,
    where: all.length === 0 ? '--series' : '--only',
    expected: all.map(({ name }) => name).join(', ') || `patches in kernels/mutants/${series}/`,
  });
}

const isDown = (cell: CellResult) => cell.verdict !== 'done';
const bad = new Set(['fail', 'timeout', 'crash', 'lost']);

/** What the mutant broke that the series alone does not; undefined if nothing. */
export function killer(healthy: CellResult, mutated: CellResult): string | undefined {
  const where = `${mutated.guest}/${mutated.suite}`;
  const passed = new Set(healthy.tests.filter((test) => test.verdict === 'pass').map((test) => test.name));
  const broken = mutated.tests.find((test) => bad.has(test.verdict) && passed.has(test.name));
  if (broken) return `${where}: ${broken.name}`;
  return isDown(mutated) && !isDown(healthy) ? `${where}: ${mutated.verdict}, ${mutated.reason}` : undefined;
}

interface Bench {
  tree: SourceTree;
  build: KernelBuild;
  healthy: { cell: Cell; result: CellResult }[];
}

/** The series without any mutant: only tests that pass here can notice one. */
async function healthyRun(
  plan: Plan,
  stack: readonly Series[],
  tools: CellTools,
  ctx: StageContext,
): Promise<Bench> {
  const source = await resolveSource(plan.source, ctx);
  const { tree } = await applyStack(source, stack, ctx);
  const name = `${source.name}+${stack.at(-1)?.name}`;
  const base = await buildKernel(source, plan.config, ctx);
  const build = await buildKernel({ ...tree, name }, plan.config, ctx, { base });
  const healthy: Bench['healthy'] = [];
  for (const cell of cellsOf(plan, [{ name, side: 'patched' }])) {
    const result = await runCell(cell, build, tools, ctx);
    if (isDown(result) || !result.tests.some((test) => test.verdict === 'pass')) {
      throw new LabError(
        `${cell.name} is not healthy without a mutant: ${result.verdict}, ${result.reason ?? 'no test passes'}`,
      );
    }
    // Such a test proves nothing about a mutant (see killer); it is told, not counted.
    for (const { name: ill, verdict } of result.tests.filter((test) => bad.has(test.verdict))) {
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
      const killedBy = killer(healthy, await runCell(named, build, tools, ctx));
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
  const mutants = await listMutants(stack.at(-1)?.name ?? '', options.only);
  await using scratch = await scratchFolder('guest');
  const [image, agent] = await Promise.all([ensureImage(RECIPE, ctx), prepareAgent()]);
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
