/** Rows of a plot, without its axis. */
const HEIGHT = 8;

/** Dots of a braille character by row and column (Unicode 15, chapter 21.1). */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

/** A value with six digits. */
export const shownValue = (value: number) =>
  Math.abs(value) >= 1e6 ? value.toExponential(3) : String(Number(value.toPrecision(6)));

/**
 * Values over their index as lines of text: four by two dots a character, the largest and smallest value at the left, and a `^` below each
 * of `marks`. At most `width` columns; more values than fit share dots.
 */
export function plot(values: readonly number[], marks: readonly number[], width = 72): string[] {
  if (values.length === 0) return [];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const labels = [shownValue(high), shownValue(low)];
  const margin = Math.max(...labels.map((label) => label.length)) + 2;
  const columns = Math.max(1, Math.min(Math.ceil(values.length / 2), width - margin));
  const dotOf = (index: number) =>
    values.length <= columns * 2 ? index : Math.floor((index * (columns * 2 - 1)) / (values.length - 1));
  const cells = Array.from({ length: HEIGHT }, () => new Array<number>(columns).fill(0));
  values.forEach((value, index) => {
    const dot = dotOf(index);
    const share = high === low ? 0.5 : (high - value) / (high - low);
    const line = Math.min(HEIGHT * 4 - 1, Math.round(share * (HEIGHT * 4 - 1)));
    const row = cells[Math.floor(line / 4)];
    const at = Math.floor(dot / 2);
    if (row) row[at] = (row[at] ?? 0) | (DOTS[line % 4]?.[dot % 2] ?? 0);
  });
  const label = (row: number) => (row === 0 ? labels[0] : row === HEIGHT - 1 ? labels[1] : undefined) ?? '';
  const lines = cells.map((row, index) => {
    const dots = String.fromCodePoint(...row.map((bits) => 0x2800 + bits)).replace(/\u2800+$/, '');
    return `${label(index).padStart(margin - 2)} ┤${dots}`;
  });
  if (marks.length === 0) return lines;
  const below = new Array<string>(columns).fill(' ');
  for (const index of marks) below[Math.floor(dotOf(index) / 2)] = '^';
  return [...lines, `${' '.repeat(margin)}${below.join('').trimEnd()}`];
}
