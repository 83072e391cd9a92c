import { nameOf } from '../cell/result.ts';
import type { CellSpec, Side } from '../model/cell.ts';
import type { Rerun } from '../model/confirm.ts';
import { programOf } from '../model/result.ts';
import { type CellRecord, totalMsOf } from '../model/run.ts';
import type { Verdict } from '../model/verdict.ts';
import type { CellSlots } from './cells.ts';

type Slots = Pick<CellSlots, 'run'>;

/** The name by which a test is selected: subtests are part of their program. */
export const selectedName = ({ payload }: CellSpec, test: string): string =>
  payload.kind === 'agent' ? test : programOf(test);

/** Runs again what one test needs, and keeps each rerun. */
export class Reruns {
  readonly all: Rerun[] = [];
  readonly #test: string;
  readonly #specs: Record<Side, CellSpec>;
  readonly #slots: Slots;
  readonly #numbers: Map<string, number>;

  constructor(test: string, specs: Record<Side, CellSpec>, slots: Slots, numbers: Map<string, number>) {
    this.#test = test;
    this.#specs = specs;
    this.#slots = slots;
    this.#numbers = numbers;
  }

  /** Runs the test in a fresh guest, after those of `after`; once more where the lab could not. Undefined where it could not again. */
  async run(side: Side, after: readonly string[] = []): Promise<Verdict | undefined> {
    return (await this.#once(side, after)) ?? this.#once(side, after);
  }

  async #once(side: Side, after: readonly string[]): Promise<Verdict | undefined> {
    const first = this.#specs[side];
    const { most: _most, shard: _shard, ...rest } = first;
    const cell = nameOf(first);
    const rerun = (this.#numbers.get(cell) ?? 0) + 1;
    this.#numbers.set(cell, rerun);
    const tests = [...after, selectedName(first, this.#test)];
    const result = await this.#slots.run({ ...rest, ...{ only: [], tests, attempt: 1, repeat: 1, rerun } });
    if (!result) return undefined;
    const seen = this.#verdictIn(result);
    this.all.push({
      ...{ side, ...seen, totalMs: totalMsOf(result) },
      ...(after.length > 0 ? { after: [...after] } : {}),
      artefacts: result.attempts.flatMap(({ artefacts }) => artefacts),
    });
    return seen.verdict;
  }

  #verdictIn({ verdict, reason, tests }: CellRecord): Pick<Rerun, 'verdict' | 'reason'> {
    if (verdict === 'lab-failed') return reason === undefined ? {} : { reason };
    const test = tests.find(({ name }) => name === this.#test);
    if (!test) return { verdict: 'lost', reason: 'the rerun gave no result of that name' };
    return { verdict: test.verdict, ...(test.reason === undefined ? {} : { reason: test.reason }) };
  }
}
