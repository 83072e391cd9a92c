import limit from 'p-limit';
import { emptyCell } from '../cell/result.ts';
import { type CellOptions, runCell } from '../cell/run.ts';
import type { CellSession } from '../cell/session.ts';
import type { VerdictError } from '../core/errors.ts';
import type { CellSpec } from '../model/cell.ts';
import { nameOfCell } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { CellRecord } from '../model/run.ts';

/** Reports every cell of a kernel that could not be made: no result vanishes with its kernel. */
export function reportFailedCells(
  kernel: { id: string; failure?: VerdictError | undefined },
  plan: Pick<Plan, 'pairs' | 'repeats'>,
  ctx: StageContext,
): void {
  const { failure } = kernel;
  if (!failure) return;
  for (const { profile, suite } of plan.pairs) {
    const spec = { kernel, profile, suite, repeat: 1, attempt: 1 };
    const { verdict, message: reason, detail } = failure;
    const result = emptyCell(spec, verdict, { reason, detail });
    const cell = nameOfCell({ kernel: kernel.id, profile: profile.name, suite: suite.name });
    ctx.emit({ type: 'cell.end', cell, verdict, ms: 0, result });
  }
}

/** Slots for guests that run at the same time. */
export class CellSlots {
  readonly #limit: ReturnType<typeof limit>;
  readonly #session: CellSession;
  readonly #ctx: StageContext;
  #done = 0;
  #total: number;

  /** `total`: cells that are expected, for the progress. */
  constructor(jobs: number, total: number, session: CellSession, ctx: StageContext) {
    this.#limit = limit(jobs);
    this.#session = session;
    this.#ctx = ctx;
    this.#total = total;
  }

  /** Runs a cell when a slot is free. Undefined when the run was aborted before; throws the abort reason when it is meanwhile. */
  run(spec: CellSpec, options?: CellOptions): Promise<CellRecord | undefined> {
    return this.#limit(async () => {
      if (this.#ctx.signal.aborted) return undefined;
      const result = await runCell(spec, this.#session, this.#ctx, options);
      this.#done++;
      this.#ctx.emit({
        type: 'cells.progress',
        done: this.#done,
        total: Math.max(this.#done, this.#total),
      });
      return result;
    });
  }

  /**
   * Runs all cells, each when a slot is free. A cell that an abort ends does not keep the others from ending in order. They are
   * announced first, so that the record has those that an abort leaves without a result.
   */
  async runAll(specs: readonly CellSpec[]): Promise<void> {
    const cells = specs.map(({ kernel, profile, suite, repeat }) => ({
      ...{ kernel: kernel.id, profile: profile.name, suite: suite.name, repeat },
    }));
    this.#ctx.emit({ type: 'cells.planned', cells });
    const runs = await Promise.allSettled(specs.map((spec) => this.run(spec)));
    if (this.#ctx.signal.aborted) return;
    for (const run of runs) if (run.status === 'rejected') throw run.reason;
  }
}
