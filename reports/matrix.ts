import { oneLine, PAGE } from './escape.ts';
import type { Colors, ReportInput } from './input.ts';
import { rowsOf, type Tally } from './rows.ts';

/** Columns of a cell's name; a longer name stands on a line above its counts, so that it is never cut where cells differ. */
const CELL = 40;
const COLUMN = 6;
const TIME = 10;

type Count = 'pass' | 'fail' | 'skip' | 'todo';

function side(tally: Tally | undefined, counts: readonly Count[], colors: Colors): string {
  const width = counts.length * COLUMN;
  if (!tally) return ' '.repeat(width + TIME);
  const { fail, seconds, broken } = tally;
  const time = seconds === undefined ? '-' : `${seconds.toFixed(1)} s`;
  // The counts of a broken cell in which nothing passed say less than its verdict.
  const brokeAtOnce = broken && tally.pass + tally.skip + tally.todo === 0;
  const shown = brokeAtOnce
    ? broken.padStart(width)
    : counts.map((key) => String(tally[key]).padStart(COLUMN)).join('');
  const text = `${shown}${time.padStart(TIME)}`;
  return fail > 0 || broken ? colors.red(text) : text;
}

/** The matrix of cells: counts of the verdicts with seconds, `base -> patched` where there is a comparison. Empty without cells. */
export function matrix(input: ReportInput, colors: Colors): string[] {
  const rows = rowsOf(input);
  if (rows.length === 0) return [];
  const todo = rows.some(({ base, patched }) => (base?.todo ?? 0) + (patched?.todo ?? 0) > 0);
  const counts: Count[] = ['pass', 'fail', 'skip', ...(todo ? ['todo' as const] : [])];
  const width = Math.min(CELL, Math.max(4, ...rows.map((row) => oneLine(row.cell).length)));
  const head = counts.map((key) => key.padStart(COLUMN)).join('') + 'time'.padStart(TIME);
  const lines = rows.flatMap(({ cell, base, patched }) => {
    const name = oneLine(cell, PAGE);
    const before = input.comparison ? `${side(base, counts, colors)} -> ` : ' ';
    const cells = `${before}${side(patched, counts, colors)}`.trimEnd();
    return name.length <= width ? [`${name.padEnd(width)}${cells}`] : [name, `${''.padEnd(width)}${cells}`];
  });
  if (!input.comparison) return [colors.dim(`${'cell'.padEnd(width)} ${head}`), ...lines];
  const sides = `${''.padEnd(width)}${'base'.padStart(head.length)}    ${'patched'.padStart(head.length)}`;
  return [colors.dim(sides), colors.dim(`${'cell'.padEnd(width)}${head}    ${head}`), ...lines];
}
