import type { Text } from './texts.ts';

/** Part of a text: a line of a code block (lines that a backslash joins are one), a code span, or the prose between. */
export interface Piece {
  kind: 'block' | 'span' | 'prose';
  /** Lines of the text before it. */
  line: number;
  text: string;
}

/** A line of a block that has code spans is a sentence, e.g. of a list of files. */
const blockPieces = (piece: Piece): Piece[] =>
  piece.text.includes('`') ? spansOf(piece.text).map((part) => ({ ...part, line: piece.line })) : [piece];

function markdownPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  const prose: string[] = [];
  let fence = false;
  let block = false;
  let blank = true;
  for (const [index, line] of text.split('\n').entries()) {
    const isFence = /^\s*```/.test(line);
    if (isFence) fence = !fence;
    else block = fence || (/^ {4}\S/.test(line) && (blank || block)) || (block && /^ {4}/.test(line));
    const code = block && !isFence;
    if (code) pieces.push(...blockPieces({ kind: 'block', line: index, text: line.trim() }));
    prose.push(code || isFence ? '' : line);
    blank = line.trim() === '';
  }
  return [...pieces, ...spansOf(prose.join('\n'))];
}

/** Code spans in backticks, which may go over a line's end, and the prose around them. */
function spansOf(text: string): Piece[] {
  let line = 0;
  return text.split(/(`[^`\n]*(?:\n[^`\n]+)?`)/).map((part): Piece => {
    const piece = { line, text: part.replace(/^`|`$/g, '') };
    line += part.split('\n').length - 1;
    const isSpan = part.length > 1 && part.startsWith('`');
    return isSpan
      ? { ...piece, kind: 'span', text: piece.text.replace(/\s*\n\s*/g, ' ') }
      : { ...piece, kind: 'prose' };
  });
}

/** A text in pieces. */
export function piecesOf({ kind, text }: Text): Piece[] {
  const joined = text.replace(/\\\n\s*/g, ' ');
  return kind === 'markdown' ? markdownPieces(joined) : spansOf(joined);
}
