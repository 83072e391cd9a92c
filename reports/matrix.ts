import { oneLine } from './escape.ts';
import type { Colors, ReportInput } from './input.ts';
import { rowsOf, type Tally } from './rows.ts';

const CELL = 40;
const COLUMN = 6;
const TIME = 10;

type Count = 'pass' | 'fail' | 'skip' | 'todo';

function side(tally: Tally | undefined, counts: readonly Count[], colors: Colors): string {
  const width = counts.length * COLUMN;
  if (!tally) return ' '.repeat(width + TIME);
  const { fail, seconds, broken } = tally;
  const time = seconds === undefined ? '-' : `${seconds.toFixed(1)} s`;
  // A cell of which nothing passed is told by its verdict.
  const told = broken && tally.pass + tally.skip + tally.todo === 0;
  const shown = told
    ? broken.padStart(width)
    : counts.map((key) => String(tally[key]).padStart(COLUMN)).join('');
  const text = `${shown}${time.padStart(TIME)}`;
  return fail > 0 || broken ? colors.red(text) : text;
}

/** The matrix of cells: counts of the verdicts with seconds, `base -> patched` where there is a comparison. */
export function matrix(input: ReportInput, colors: Colors): string[] {
  const rows = rowsOf(input);
  const todo = rows.some(({ base, patched }) => (base?.todo ?? 0) + (patched?.todo ?? 0) > 0);
  const counts: Count[] = ['pass', 'fail', 'skip', ...(todo ? ['todo' as const] : [])];
  const width = Math.min(CELL, Math.max(4, ...rows.map((row) => oneLine(row.cell).length)));
  const head = counts.map((key) => key.padStart(COLUMN)).join('') + 'time'.padStart(TIME);
  const lines = rows.map(({ cell, base, patched }) => {
    const name = oneLine(cell, width).padEnd(width);
    const before = input.comparison ? `${side(base, counts, colors)} -> ` : ' ';
    return `${name}${before}${side(patched, counts, colors)}`;
  });
  if (!input.comparison) return [colors.dim(`${'cell'.padEnd(width)} ${head}`), ...lines];
  const sides = `${''.padEnd(width)}${'base'.padStart(head.length)}    ${'patched'.padStart(head.length)}`;
  return [colors.dim(sides), colors.dim(`${'cell'.padEnd(width)}${head}    ${head}`), ...lines];
}
