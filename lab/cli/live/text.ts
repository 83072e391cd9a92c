import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';
import type { Colors } from '../../../reports/index.ts';
import { oneLine } from '../../model/visible.ts';

/** A part of a line with one colour. Its text is visible and has no colours, so that its width can be measured. */
export interface Piece {
  text: string;
  color?: keyof Colors | undefined;
}

/** Longer texts are cut before their width is measured: a guest may give a test any name. */
const MAX_CHARS = 400;

/** A text from outside as a piece. */
export const piece = (text: string, color?: keyof Colors): Piece => ({
  text: oneLine(text, MAX_CHARS),
  color,
});

/** Columns that pieces take on a terminal. */
export const widthOf = (...pieces: readonly Piece[]): number =>
  pieces.reduce((sum, { text }) => sum + stringWidth(text), 0);

/** The piece in at most `width` columns: shortened in the middle, where names differ least, or at its end. */
export function fitted({ text, color }: Piece, width: number, position: 'middle' | 'end' = 'end'): Piece {
  const cut = cliTruncate(text, width, { position });
  // A wide character on the edge can take one column too many.
  return { text: stringWidth(cut) > width ? cliTruncate(text, width - 1, { position }) : cut, color };
}

/** The pieces that fit into `width` columns, in order; the piece that does not is cut, if more than a few columns are left for it. */
export function cutTo(pieces: readonly Piece[], width: number): Piece[] {
  const line: Piece[] = [];
  let left = width;
  for (const each of pieces) {
    const needs = widthOf(each);
    if (needs <= left) line.push(each);
    else if (left > 0) line.push(fitted(each, left));
    left -= needs;
    if (left <= 0) break;
  }
  return line;
}

/** One line of exactly `width` columns, `right` at its end: what does not fit is cut on the left. */
export function spread(left: readonly Piece[], right: Piece, width: number): Piece[] {
  const room = width - widthOf(right) - 1;
  // Too narrow for both.
  if (room < 8) return cutTo(left, width);
  const line = cutTo(left, room);
  return [...line, { text: ' '.repeat(Math.max(1, width - widthOf(...line, right))) }, right];
}

/** The line as text for `Terminal`. */
export const painted = (line: readonly Piece[], colors: Colors): string =>
  line.map(({ text, color }) => (color ? colors[color](text) : text)).join('');
