import type { Estimate } from './estimate.ts';
import { cellLines, clock, countPieces, shortCellLine, workLine } from './lines.ts';
import type { LiveState } from './state.ts';
import { cellsWords, leftWords, mutantWordsSoFar, testsSoFar } from './summary.ts';
import { cutTo, type Piece, piece, spread, widthOf } from './text.ts';

/** A terminal, in columns and rows. */
export interface Size {
  columns: number;
  rows: number;
}

/** Part of the rows that the view takes at most: lines that stay are above it. */
const SHARE = 2 / 3;

/** The line of the whole run; undefined for a command that runs no cells. */
function totalLine(state: LiveState, estimate: Estimate | undefined, width: number, nowMs: number) {
  const { run, ended, running, waiting, isEnding } = state;
  if (isEnding) return cutTo([piece('ends what runs; Ctrl-C again leaves at once', 'yellow')], width);
  if (!run) return undefined;
  const right = clock(run.startedMs, nowMs);
  if (ended.length + running.size + waiting.length === 0)
    return spread([piece('prepares kernels and guests')], right, width);
  const left = leftWords(estimate);
  const mutants = mutantWordsSoFar(state);
  const tests = countPieces(testsSoFar(state));
  // The estimate last in the line, but cut last: on a narrow terminal the counts go first.
  const parts = [
    [piece(cellsWords(state), 'bold')],
    ...(mutants ? [[piece(mutants)]] : []),
    ...(tests.length > 0 ? [tests] : []),
    ...(left ? [[piece(left)]] : []),
  ];
  const joined = (each: Piece[][]) => each.flatMap((part, i) => (i > 0 ? [{ text: '  ' }, ...part] : part));
  const room = width - widthOf(right) - 2;
  while (parts.length > 2 && widthOf(...joined(parts)) > room) parts.splice(parts.length - 2, 1);
  return spread(joined(parts), right, width);
}

/** Work and cells in at most `height` lines: two for each cell, one where there are many, and a count of those that do not fit. */
function itemLines({ work, running }: LiveState, height: number, width: number, nowMs: number): Piece[][] {
  const works = [...work.values()].map((each) => workLine(each, width, nowMs));
  const cells = [...running.values()];
  if (works.length + 2 * cells.length <= height)
    return [...works, ...cells.flatMap((cell) => cellLines(cell, width, nowMs))];
  const all = works.length + cells.length;
  const shown = all <= height ? all : Math.max(0, height - 1);
  const lines = [
    ...works.slice(0, shown),
    ...cells.slice(0, Math.max(0, shown - works.length)).map((cell) => shortCellLine(cell, width, nowMs)),
  ];
  if (shown === all || height === 0) return lines;
  return [
    ...lines,
    cutTo([piece(`${lines.length > 0 ? 'and ' : ''}${all - lines.length} more`, 'dim')], width),
  ];
}

/**
 * The lines of the live view, each narrower than the terminal, so that none wraps. They leave a row for the cursor: a terminal of one
 * row has no view. `nowMs` is the time in ms since 1970.
 */
export function frame(
  state: LiveState,
  estimate: Estimate | undefined,
  { columns, rows }: Size,
  nowMs: number,
): Piece[][] {
  const width = columns - 1;
  const height = Math.min(rows - 1, Math.ceil(rows * SHARE));
  if (width < 1 || height < 1) return [];
  const total = totalLine(state, estimate, width, nowMs);
  const items = itemLines(state, height - (total ? 1 : 0), width, nowMs);
  return total ? [...items, total] : items;
}
