import type { Colors } from '../../reports/index.ts';
import type { EventOf } from '../model/event.ts';
import type { TestResult } from '../model/result.ts';
import { FAILURES, isFailure } from '../model/verdict.ts';
import { allOf, type Counts, countsOf, countWords, decidedTests } from './live/counts.ts';

/** Most characters of a reason in the line of a cell: a difference of two lists can be long. */
const REASON = 120;

/** A reason in a line. */
export const shorten = (text: string) => (text.length > REASON ? `${text.slice(0, REASON)}...` : text);

/** A test in one line: `name: reason`. */
export const testWords = (name: string, reason = '') => (reason === '' ? name : `${name}: ${reason}`);

/** The word for a cell whose suite ran to its end; capitals where that is no success. */
function outcomeOf(counts: Counts): string {
  if (counts.failed > 0) return 'FAIL';
  if (counts.passed > 0) return 'pass';
  if (counts.skipped > 0) return 'skip';
  return counts.todo > 0 ? 'todo' : 'EMPTY';
}

/** `1 timeout, 2 lost`: the failures that are no plain `fail`. */
function kindsOfFailure(tests: readonly TestResult[]): string[] {
  return FAILURES.filter((verdict) => verdict !== 'fail')
    .map((verdict) => ({ verdict, count: tests.filter((test) => test.verdict === verdict).length }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${count} ${verdict}`);
}

/** The first failure; with any other verdict than `done`, the cell's reason instead. */
function explanation(event: EventOf<'cell.end'>): string[] {
  const { verdict, result } = event;
  const tests = decidedTests(event);
  const kinds = kindsOfFailure(tests);
  if (verdict !== 'done') return [kinds.join(', '), result.reason ?? ''].filter(Boolean);
  const failure = tests.find((test) => isFailure(test.verdict));
  if (!failure) return [];
  const first = `first failure: ${testWords(failure.name, shorten(failure.reason ?? ''))}`;
  return [kinds.join(', '), first].filter(Boolean);
}

/**
 * How a cell ended, its verdict first: `pass, 63 passed, 4 skipped`, `FAIL, 62 passed, 1 failed (first failure: NAME: REASON)`,
 * `CRASH, 3 passed, 1 failed, 9 left for a fresh guest (1 crash; KASAN: ...)`, `BOOT-FAILED (REASON)`. `EMPTY`: the suite ran no test.
 */
export function cellWords(event: EventOf<'cell.end'>, colors?: Colors): string {
  const { verdict, result } = event;
  const counts = countsOf(decidedTests(event));
  const outcome = verdict === 'done' ? outcomeOf(counts) : verdict.toUpperCase();
  const colour = outcome === 'pass' ? 'green' : outcome === outcome.toUpperCase() ? 'red' : 'yellow';
  const numbers = countWords(counts).map(({ text }) => text);
  const left = event.continues ? result.tests.length - allOf(counts) : 0;
  if (left > 0) numbers.push(`${left} left for a fresh guest`);
  if (verdict === 'done' && allOf(counts) + left === 0) numbers.push('no test ran');
  const why = explanation(event).join('; ');
  return `${[colors?.[colour](outcome) ?? outcome, ...numbers].join(', ')}${why ? ` (${why})` : ''}`;
}

/** Whether the end of a cell is a line: not where the line of its kernel says why, and not of a cell that never began. */
export const hasLine = ({ verdict, result }: EventOf<'cell.end'>): boolean =>
  verdict !== 'apply-failed' && verdict !== 'build-failed' && !isCutOff(result);

/** Whether the end of its run left a cell without a beginning. */
export const isCutOff = ({ attempts }: EventOf<'cell.end'>['result']): boolean =>
  attempts.some(({ cutOff }) => cutOff === 'planned');
