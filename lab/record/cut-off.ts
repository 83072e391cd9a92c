import { type CellSpec, keyOfCell } from '../model/cell.ts';
import type { EventOf, LabEvent } from '../model/event.ts';
import { programOf, type TestResult } from '../model/result.ts';
import type { Attempt, CellRecord } from '../model/run.ts';

type Planned = EventOf<'cells.planned'>['cells'][number];

/** A cell that began and has not ended. */
interface Running {
  cell: string;
  spec: CellSpec;
  startedMs: number;
  tests: TestResult[];
  announced: string[];
}

/** A cell without a result, by its name in events where it has begun. */
export interface OpenCell {
  planned: Planned;
  running?: Running;
}

const placeOf = ({ kernel, profile, suite, repeat, shard }: Planned) =>
  JSON.stringify([kernel, profile, suite, repeat, shard]);

const plannedOf = ({ kernel, profile, suite, repeat, shard }: CellSpec): Planned => ({
  ...{ kernel: kernel.id, profile: profile.name, suite: suite.name, repeat },
  ...(shard === undefined ? {} : { shard }),
});

/** The cells of a run that were planned or began and have no result yet, from the events of the run. */
export class OpenCells {
  readonly #planned = new Map<string, Planned>();
  readonly #running = new Map<string, Running>();

  /** Takes the next event; events that say nothing about cells are passed over. */
  take(event: LabEvent): void {
    if (event.type === 'cells.planned') {
      this.#planned.clear();
      for (const cell of event.cells) this.#planned.set(placeOf(cell), cell);
    } else if (event.type === 'cell.start') {
      const { cell, spec, at: startedMs } = event;
      this.#planned.delete(placeOf(plannedOf(spec)));
      this.#running.set(cell, { cell, spec, startedMs, tests: [], announced: [] });
    } else if (event.type === 'tests.announced') {
      this.#running.get(event.cell)?.announced.push(...event.tests);
    } else if (event.type === 'test.end') {
      this.#running.get(event.cell)?.tests.push(event.test);
    } else if (event.type === 'cell.end') {
      this.#running.delete(event.cell);
      const { kernel, profile, suite, attempts } = event.result;
      const { repeat = 1, shard } = attempts[0] ?? {};
      this.#planned.delete(placeOf({ kernel, profile, suite, repeat, shard }));
    }
  }

  /**
   * The end of a cell that the lab could not run on, with the tests that it had reported until then, and `lost` for the announced rest:
   * the lab's fault does not undo what the kernel did. Any other end is given back. Before `take`, which forgets the cell.
   */
  withReported(end: EventOf<'cell.end'>): EventOf<'cell.end'> {
    const { verdict, tests, reason = verdict } = end.result;
    const running = this.#running.get(end.cell);
    if (verdict !== 'lab-failed' || tests.length > 0 || !running) return end;
    return { ...end, result: { ...end.result, tests: testsOf(running, reason) } };
  }

  /** The cells without a result: those that run, then those that have not begun. */
  get all(): OpenCell[] {
    return [
      ...[...this.#running.values()].map((running) => ({ planned: plannedOf(running.spec), running })),
      ...[...this.#planned.values()].map((planned) => ({ planned })),
    ];
  }
}

/**
 * The results of a cut-off attempt: what had finished, then `lost` for each announced test that had not. A program with results of its
 * subtests has finished, except for the last, which may have been running.
 */
function testsOf({ tests, announced }: Running, reason: string): TestResult[] {
  const names = tests.map(({ name }) => name);
  const ended = names.slice(
    0,
    names.findLastIndex((name) => programOf(name) !== programOf(names.at(-1) ?? '')) + 1,
  );
  const finished = new Set([...names, ...ended.map(programOf)]);
  const missing = announced.filter((name) => !finished.has(name));
  return [
    ...tests,
    ...missing.map((name): TestResult => ({ name, verdict: 'lost', reason: `no result arrived: ${reason}` })),
  ];
}

/**
 * The record of a cell that the end of its run, at `atMs`, left without a result: verdict `lost`. `cause` is the first half of its
 * reason, e.g. `the run was interrupted`.
 */
export function cutOffRecord({ planned, running }: OpenCell, cause: string, atMs: number): CellRecord {
  const { repeat, shard, ...place } = planned;
  const reason = `${cause} before the cell ${running ? 'ended' : 'began'}`;
  const attempt: Attempt = {
    ...{ repeat, attempt: running?.spec.attempt ?? 1, verdict: 'lost', reason },
    ...(shard === undefined ? {} : { shard }),
    cutOff: running ? 'running' : 'planned',
    ...(running ? { key: keyOfCell(running.spec) } : {}),
    timings: { totalMs: running ? Math.max(0, atMs - running.startedMs) : 0 },
    artefacts: [],
  };
  return {
    ...{ ...place, verdict: 'lost', reason, tests: running ? testsOf(running, reason) : [] },
    ...{ complaints: [], metrics: [], attempts: [attempt] },
  };
}
