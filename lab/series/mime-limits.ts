import { MAX_MIME_LINES, MAX_MIME_PARTS, MAX_PARTS } from './limits.ts';

/** What the messages of an import may still have together, forwarded messages inside them included. */
export interface MimeBudget {
  lines: number;
  parts: number;
}

/** The budget of a new import. */
export const newBudget = (): MimeBudget => ({ lines: MAX_MIME_LINES, parts: MAX_MIME_PARTS });

/** Number of line feeds. */
function linesOf(raw: Buffer): number {
  let lines = 1;
  for (let at = raw.indexOf(10); at >= 0; at = raw.indexOf(10, at + 1)) lines++;
  return lines;
}

/**
 * Most MIME parts that a message can have. A part starts with a line `--BOUNDARY`, and a boundary needs a Content-Type: of the lines that
 * start with `--` as many as there are Content-Types are counted, those that are repeated most. What a boundary parameter says is not read:
 * RFC 2231 has too many ways to write it.
 */
function mostParts(raw: Buffer): number {
  const text = raw.toString('latin1');
  const types = [...text.matchAll(/^[ \t]*content-type.*$/gim)].map(([line]) => line);
  // The first of a message is its own if no blank continues another header. A plain text has no parts, but may have a long diff.
  if (types.length === 0 || /^content-type:[ \t]*text\/plain[ \t]*(?:;|$)/i.test(types[0] ?? '')) return 0;
  const counts = new Map<string, number>();
  for (const [written] of text.matchAll(/^--[^\r\n]*/gm)) {
    const line = written.trimEnd();
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  const highest = [...counts.values()].sort((a, b) => b - a).slice(0, types.length);
  return highest.reduce((sum, count) => sum + count, 0);
}

/** Why a message, as it is given to the MIME parser, costs too much; undefined when it does not. Takes it from the budget. */
export function tooCostly(raw: Buffer, budget: MimeBudget): string | undefined {
  budget.lines -= linesOf(raw);
  if (budget.lines < 0) return `with the messages before it more than ${MAX_MIME_LINES} lines of MIME text`;
  const parts = mostParts(raw);
  budget.parts -= parts;
  if (parts > MAX_PARTS) return `it has more than ${MAX_PARTS} MIME parts`;
  if (budget.parts < 0) return `with the messages before it more than ${MAX_MIME_PARTS} MIME parts`;
  return undefined;
}
