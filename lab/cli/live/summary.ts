import type { Progress } from '../words.ts';
import { currentTest, doneTests, type RunningCell } from './cell-state.ts';
import { type Counts, countWords, sumOf } from './counts.ts';
import { durationWords, roughWords } from './duration.ts';
import type { Estimate } from './estimate.ts';
import type { LiveState, Work } from './state.ts';

/** The estimate: `about 3 min left`, or `more than 40 s left` where some cell's time is unknown. */
export function leftWords(estimate: Estimate | undefined): string | undefined {
  if (!estimate) return undefined;
  if (estimate.isWhole) return `about ${roughWords(estimate.ms)} left`;
  return estimate.ms < 5000 ? undefined : `more than ${roughWords(estimate.ms, Math.floor)} left`;
}

/** `3/12 cells`; `3 of at most 12 cells` where the first test that notices a mutant ends its cells. */
export function cellsWords({ ended, running, waiting, atMost }: LiveState): string {
  const known = ended.length + running.size + waiting.length;
  return known >= atMost ? `${ended.length}/${known} cells` : `${ended.length} of at most ${atMost} cells`;
}

/** Tests of all cells so far. */
export const testsSoFar = ({ counts, running }: LiveState): Counts =>
  [...running.values()].reduce((sum, cell) => sumOf(sum, cell.counts), counts);

/** Mutants that were tried, where there are any. */
export function mutantWordsSoFar({ mutants }: LiveState): string | undefined {
  const parts = (['killed', 'survived', 'broken'] as const)
    .filter((field) => mutants[field] > 0)
    .map((field) => `${mutants[field]} ${field}`);
  return parts.length > 0 ? `mutants: ${parts.join(', ')}` : undefined;
}

/** Running cells that a line names. */
const NAMED = 3;

/** `debian-6.12/plain/passthrough (12/63, 1 failed: TEST)`. */
function cellSoFar(cell: RunningCell): string {
  if (cell.phase !== 'test') return `${cell.name} (boots)`;
  const { counts, announced } = cell;
  const done = doneTests(cell);
  const share = announced.length > 0 ? `${done}/${announced.length}` : `${done} tests`;
  const failed = counts.failed > 0 ? `, ${counts.failed} failed` : '';
  const test = currentTest(cell);
  return `${cell.name} (${share}${failed}${test === undefined ? '' : `: ${test}`})`;
}

/** `kernel debian-6.12: 43% (890/2076), 1 min 23 s`. */
function workSoFar({ subject, startedMs, progress, isWaiting }: Work, nowMs: number): string {
  const time = durationWords(nowMs - startedMs);
  if (isWaiting) return `${subject}: waits for another ringlab, ${time}`;
  return `${subject}: ${progress ? `${shareWords(progress)}, ` : ''}${time}`;
}

/** `43% (890/2076)`; without a total `890 targets`. */
export function shareWords({ done, total = 0, unit }: Progress): string {
  if (total <= 0) return `${done} ${unit}`;
  return `${Math.min(100, Math.floor((100 * done) / total))}% (${done}/${total})`;
}

/** Where a command is, for a log: a line for each work, and one for all cells. */
export function progressLines(state: LiveState, estimate: Estimate | undefined, nowMs: number): string[] {
  const { run, work, running, ended, waiting } = state;
  const works = [...work.values()].map((each) => workSoFar(each, nowMs));
  if (!run) return works;
  const time = durationWords(nowMs - run.startedMs);
  if (ended.length + running.size + waiting.length === 0)
    return works.length > 0 ? works : [`run: prepares kernels and guests, ${time}`];
  const cells = [...running.values()];
  const named = cells.slice(0, NAMED).map(cellSoFar);
  if (cells.length > NAMED) named.push(`${cells.length - NAMED} more`);
  const parts = [
    cellsWords(state),
    mutantWordsSoFar(state),
    ...countWords(testsSoFar(state)).map(({ text }) => text),
    time,
    leftWords(estimate),
  ].filter((part) => part !== undefined);
  const now = named.length > 0 ? `; running: ${named.join(', ')}` : '';
  return [...works, `run: ${parts.join(', ')}${now}`];
}
