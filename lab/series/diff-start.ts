/** Header of a hunk; its groups are the numbers of old and new lines, where they are not 1. */
export const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;

/** Whether a diff starts at this line. */
export function startsDiff(lines: readonly string[], at: number): boolean {
  const line = lines[at] ?? '';
  if (line.startsWith('diff --git ')) return true;
  return isNamePair(lines, at) && HUNK.test(lines[at + 2] ?? '');
}

/** Whether this line and the next one name the two versions of a file: `--- a/x`, `+++ b/x`. */
export function isNamePair(lines: readonly string[], at: number): boolean {
  return /^--- \S/.test(lines[at] ?? '') && /^\+\+\+ \S/.test(lines[at + 1] ?? '');
}

/** Index of the line where the diff of a message starts; undefined when it has none. */
export function findDiff(lines: readonly string[]): number | undefined {
  const start = lines.findIndex((_line, at) => startsDiff(lines, at));
  return start < 0 ? undefined : start;
}

/** Whether a line ends the message above a diff: `---`, `--- NAME`, `diff -` or `Index: `, as git mailinfo cuts it. */
export const isPatchBreak = (line: string): boolean =>
  /^(?:diff -|Index: |--- [^\s]|---[ \t\r\f\v]*$)/.test(line);
