import limit from 'p-limit';
import { nextAttempt, withLimit } from '../cell/next-attempt.ts';
import { emptyCell } from '../cell/result.ts';
import { type CellOptions, expectGuests, runCell } from '../cell/run.ts';
import type { CellSession } from '../cell/session.ts';
import type { VerdictError } from '../core/errors.ts';
import type { CellSpec } from '../model/cell.ts';
import { nameOfCell } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { CellRecord } from '../model/run.ts';
import { joinAttempts } from '../record/attempts.ts';

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

/** Fresh guests that one cell, or one shard of it, may take by default. */
const DEFAULT_RESTARTS = 20;

/** Slots for guests that run at the same time. */
export class CellSlots {
  readonly #limit: ReturnType<typeof limit>;
  readonly #session: CellSession;
  readonly #ctx: StageContext;
  readonly #restarts: number;
  #done = 0;
  #total: number;

  /** `total`: cells that are expected, for the progress. */
  constructor(
    { jobs, restarts = DEFAULT_RESTARTS }: Pick<Plan, 'jobs' | 'restarts'>,
    total: number,
    session: CellSession,
    ctx: StageContext,
  ) {
    this.#limit = limit(jobs);
    this.#restarts = restarts;
    this.#session = session;
    this.#ctx = ctx;
    this.#total = total;
  }

  /** Runs a cell when a slot is free. Undefined when the run was aborted before; throws the abort reason when it is meanwhile. */
  run(spec: CellSpec, options?: CellOptions): Promise<CellRecord | undefined> {
    return this.#limit(async () => {
      if (this.#ctx.signal.aborted) return undefined;
      const result = await this.#runAttempts(spec, options);
      this.#done++;
      this.#ctx.emit({
        type: 'cells.progress',
        done: this.#done,
        total: Math.max(this.#done, this.#total),
      });
      return result;
    });
  }

  /** A cell whose guest is lost goes on in a fresh one, as long as there is something that the lost guest did not begin. */
  async #runAttempts(first: CellSpec, options?: CellOptions): Promise<CellRecord | undefined> {
    const results: CellRecord[] = [];
    for (let spec: CellSpec | undefined = first; spec; ) {
      const current: CellSpec = spec;
      let next: CellSpec | undefined;
      const settle = (result: CellRecord) => {
        // What a caller was looking for ends its cell.
        const isFound = result.tests.some((test) => options?.stopAt?.(test));
        next = isFound ? undefined : nextAttempt(current, result, this.#restarts);
        return { result: withLimit(current, result, this.#restarts), continues: next !== undefined };
      };
      results.push(await runCell(current, this.#session, this.#ctx, { ...options, settle }));
      spec = next;
    }
    return joinAttempts(results);
  }

  /**
   * Runs all cells, each when a slot is free. A cell that an abort ends does not keep the others from ending in order. They are
   * announced first, so that the record has those that an abort leaves without a result.
   */
  async runAll(specs: readonly CellSpec[]): Promise<void> {
    const cells = specs.map(({ kernel, profile, suite, repeat, shard }) => ({
      ...{ kernel: kernel.id, profile: profile.name, suite: suite.name, repeat },
      ...(shard === undefined ? {} : { shard }),
    }));
    this.#ctx.emit({ type: 'cells.planned', cells });
    await expectGuests(specs, this.#session, this.#ctx);
    const runs = await Promise.allSettled(specs.map((spec) => this.run(spec)));
    if (this.#ctx.signal.aborted) return;
    for (const run of runs) if (run.status === 'rejected') throw run.reason;
  }
}
