import { compareSides, hasSides } from '../compare/compare.ts';
import { canConfirm, judgeReruns } from '../compare/confirmed.ts';
import type { CellSpec, Side } from '../model/cell.ts';
import type { TestChange } from '../model/compare.ts';
import type { Confirmation } from '../model/confirm.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { CellRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';
import type { CellSlots } from './cells.ts';
import { precedingTests, shortestBefore } from './preceding.ts';
import { Reruns, selectedName } from './reruns.ts';

/** Reruns of a regressed test on each side by default. */
export const DEFAULT_CONFIRM = 2;

/** After this time no further test is run again, ms: a series that breaks everything needs no rerun of everything. */
const LIMIT_MS = 20 * 60_000;

/** The context for reruns: their cells are no cells of the run, and what the lab could not run again is no failure of it. */
export const rerunContext = (ctx: StageContext): StageContext => ({
  ...ctx,
  emit: (event) => {
    if (event.type === 'note') ctx.emit(event);
  },
});

/** What reruns need. */
export interface Confirming {
  plan: Pick<Plan, 'confirm'>;
  /** Every spec of the run. */
  specs: readonly CellSpec[];
  slots: Pick<CellSlots, 'run'>;
  ctx: StageContext;
  limitMs?: number;
}

const UNTRIED = { base: { failed: 0, runs: 0 }, patched: { failed: 0, runs: 0 } };

/** Runs one regressed test again, on both sides. */
async function confirm(
  row: TestChange,
  specs: Record<Side, CellSpec>,
  patched: CellRecord | undefined,
  { plan, slots }: Confirming,
  numbers: Map<string, number>,
  isOver: () => boolean,
): Promise<Confirmation> {
  const { kernel, profile, suite, name: test } = row;
  const place = { kernel, profile, suite, test };
  if (isOver() || !row.base || !row.patched) {
    const reason = 'the time for reruns was used up';
    return { ...place, ...UNTRIED, outcome: 'unknown', reason, reruns: [] };
  }
  const reruns = new Reruns(test, specs, slots, numbers);
  for (let round = 0; round < (plan.confirm ?? DEFAULT_CONFIRM) && !isOver(); round++) {
    await reruns.run('patched');
    await reruns.run('base');
  }
  const first = { base: row.base, patched: row.patched };
  const { alone, ...judged } = judgeReruns(first, reruns.all);
  const preceding = alone && patched ? precedingTests(patched, selectedName(specs.patched, test)) : [];
  const after = await shortestBefore(preceding, async (tests) => {
    const verdict = isOver() ? undefined : await reruns.run('patched', tests);
    return verdict !== undefined && verdict !== 'lost' && isFailure(verdict);
  });
  const outcome = after ? ('after-others' as const) : judged.outcome;
  return { ...place, ...judged, outcome, ...(after ? { after: [...after] } : {}), reruns: reruns.all };
}

/** The specs of a row on both sides; undefined where one of them did not run. A part of a sharded suite stands for all: tests are named. */
function specsOf(row: TestChange, specs: readonly CellSpec[], base: string | undefined) {
  const find = (kernel: string | undefined) =>
    specs.find(
      (spec) =>
        spec.kernel.id === kernel && spec.profile.name === row.profile && spec.suite.name === row.suite,
    );
  const [first, second] = [find(base), find(row.kernel)];
  return first && second ? { base: first, patched: second } : undefined;
}

/**
 * Runs each regressed test again, alone and in fresh guests, on the patched kernel and its base, and reports what that says. A failure that
 * was seen once, in a guest that earlier tests may have damaged, is not yet a fault of the series.
 */
export async function confirmRegressions(
  record: Parameters<typeof compareSides>[0],
  confirming: Confirming,
): Promise<void> {
  const { ctx, specs, plan, limitMs = LIMIT_MS } = confirming;
  if ((plan.confirm ?? DEFAULT_CONFIRM) === 0 || !hasSides(record)) return;
  const { tests, kernels } = compareSides(record);
  const rows = tests.filter(canConfirm).flatMap((row) => {
    const lineup = kernels.find(({ patched }) => patched.some(({ id }) => id === row.kernel));
    const own = specsOf(row, specs, lineup?.base?.id);
    return own ? [{ row, own }] : [];
  });
  if (rows.length === 0) return;
  ctx.emit({ type: 'confirm.start', tests: rows.length });
  const started = performance.now();
  const isOver = () => performance.now() - started > limitMs || ctx.signal.aborted;
  const numbers = new Map<string, number>();
  let done = 0;
  await Promise.all(
    rows.map(async ({ row, own }) => {
      const { kernel, profile, suite } = row;
      const cell = record.cells.find(
        (each) => each.kernel === kernel && each.profile === profile && each.suite === suite,
      );
      const confirmation = await confirm(row, own, cell, confirming, numbers, isOver);
      done++;
      if (!ctx.signal.aborted) ctx.emit({ type: 'confirm.end', done, total: rows.length, confirmation });
    }),
  );
}
