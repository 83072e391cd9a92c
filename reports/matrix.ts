import { oneLine } from './escape.ts';
import type { Colors, ReportInput } from './input.ts';
import { rowsOf, type Tally } from './view.ts';

const SIDE = 27;
const CELL = 40;

function side(tally: Tally | undefined, colors: Colors): string {
  if (!tally) return ' '.repeat(SIDE);
  const { pass, fail, skip, seconds, broken } = tally;
  const time = seconds === undefined ? '-' : seconds.toFixed(1);
  const ran = pass + fail + skip > 0;
  const counts = `${String(pass).padStart(5)}${String(fail).padStart(6)}${String(skip).padStart(6)}`;
  // A cell that gave no test at all is told by its verdict alone.
  const shown = broken && (pass + skip === 0 || !ran) ? broken.padStart(17) : counts;
  const text = `${shown}${`${time} s`.padStart(SIDE - 17)}`;
  return fail > 0 || broken ? colors.red(text) : text;
}

/** The matrix of cells: pass, fail and skip counts with seconds, `base -> patched` where there is a comparison. */
export function matrix(input: ReportInput, colors: Colors): string[] {
  const rows = rowsOf(input);
  const width = Math.min(CELL, Math.max(4, ...rows.map((row) => row.cell.length)));
  const heads = ' pass  fail  skip'.padEnd(SIDE);
  const titles = input.comparison ? `${heads}    ${heads}` : heads;
  const sides = input.comparison ? `${''.padEnd(width)}  ${' base'.padEnd(SIDE)}     patched` : undefined;
  const lines = rows.map(({ cell, base, patched }) => {
    const name = oneLine(cell, width).padEnd(width);
    if (!input.comparison) return `${name}  ${side(patched, colors)}`.trimEnd();
    return `${name}  ${side(base, colors)} -> ${side(patched, colors)}`.trimEnd();
  });
  const head = [...(sides ? [sides] : []), `${'cell'.padEnd(width)}  ${titles}`.trimEnd()].map((line) =>
    colors.dim(line),
  );
  return [...head, ...lines];
}
