import type { Colors } from '../../../reports/index.ts';
import { currentTest, doneTests, type RunningCell } from './cell-state.ts';
import { allOf, type Counts, countWords } from './counts.ts';
import { clockWords } from './duration.ts';
import type { Work } from './state.ts';
import { shareWords } from './summary.ts';
import { cutTo, fitted, type Piece, piece, spread, widthOf } from './text.ts';

const COUNT_COLORS: Record<keyof Counts, keyof Colors | undefined> = {
  ...{ passed: 'green', failed: 'red', skipped: 'yellow', todo: undefined },
};

/** `40 passed, 1 failed`, each in its colour. */
export const countPieces = (counts: Counts): Piece[] =>
  countWords(counts).flatMap(({ field, text }, index) => [
    ...(index > 0 ? [piece(',', 'dim'), { text: ' ' }] : []),
    piece(text, COUNT_COLORS[field]),
  ]);

export const clock = (sinceMs: number, nowMs: number) => piece(clockWords(nowMs - sinceMs), 'dim');

/** `kernel debian-6.12: 43% (890/2076) drivers/nvme/host/pci.o      1:23`. */
export function workLine(
  { subject, startedMs, progress, isWaiting }: Work,
  width: number,
  nowMs: number,
): Piece[] {
  const name = fitted(piece(subject, 'bold'), Math.max(10, width >> 1), 'middle');
  const right = clock(startedMs, nowMs);
  if (isWaiting) return spread([name, piece(': waits for another ringlab')], right, width);
  if (!progress) return spread([name], right, width);
  const left = [name, { text: ': ' }, piece(shareWords(progress))];
  const room = width - widthOf(...left, right) - 2;
  if (room >= 10) left.push({ text: ' ' }, fitted(piece(progress.text, 'dim'), room, 'middle'));
  return spread(left, right, width);
}

/** `12/63: 11 passed, 1 failed`; without announced tests only the counts. */
function numbers(cell: RunningCell): Piece[] {
  const { counts, announced } = cell;
  if (announced.length === 0) return countPieces(counts);
  const share = piece(`${doneTests(cell)}/${announced.length}`);
  return allOf(counts) === 0 ? [share] : [share, { text: ': ' }, ...countPieces(counts)];
}

/** The test that runs, as far as that is known. */
function current(cell: RunningCell): string {
  const { announced, last } = cell;
  if (announced.length > 0) return currentTest(cell) ?? 'ends';
  return last === undefined ? 'runs the suite' : `after ${last}`;
}

/** What a cell does: its guest boots, or its counts and the test that runs. */
function activity(cell: RunningCell): Piece[] {
  if (cell.phase === 'prepare') return [piece('prepares the guest', 'dim')];
  if (cell.phase === 'boot') return [piece('boots', 'dim')];
  const counted = numbers(cell);
  return [...counted, ...(counted.length > 0 ? [{ text: '  ' }] : []), piece(current(cell), 'dim')];
}

/** Name and elapsed time, then what it does. */
export function cellLines(cell: RunningCell, width: number, nowMs: number): Piece[][] {
  const right = clock(cell.startedMs, nowMs);
  const name = fitted(piece(cell.name, 'bold'), width - widthOf(right) - 1, 'middle');
  return [spread([name], right, width), cutTo([{ text: '  ' }, ...activity(cell)], width)];
}

/** All of a cell in one line, for more cells than the terminal has rows. */
export function shortCellLine(cell: RunningCell, width: number, nowMs: number): Piece[] {
  const name = fitted(piece(cell.name, 'bold'), Math.max(8, Math.floor(width * 0.55)), 'middle');
  return spread([name, { text: '  ' }, ...activity(cell)], clock(cell.startedMs, nowMs), width);
}
