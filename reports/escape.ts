import { oneLine, visible } from '../lab/model/visible.ts';

export { oneLine, visible };

/** Columns of a page of text. Figures may make a row longer, names and messages never do. */
export const PAGE = 100;

/** Words in lines of at most `width` characters; at most `most` lines, the last of which ends in `...` if there are more. */
export function wrap(text: string, width: number, most: number): string[] {
  const lines: string[] = [];
  let rest = oneLine(text, Number.POSITIVE_INFINITY);
  while (rest.length > width && lines.length < most - 1) {
    const space = rest.lastIndexOf(' ', width);
    const at = space > width / 2 ? space : width;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at).trimStart();
  }
  return [...lines, oneLine(rest, width)];
}

/** The first `most` lines of a block of text, each visible and cut to `width`, then the number of lines that were left out. */
export function excerpt(text: string, width: number, most: number): string[] {
  const lines = text.trimEnd().split('\n');
  const shown = lines.slice(0, most).map((line) => {
    const safe = visible(line.replaceAll('\t', '    '));
    return safe.length <= width ? safe : `${safe.slice(0, width - 3)}...`;
  });
  return lines.length > most ? [...shown, `[${lines.length - most} more lines]`] : shown;
}

/** Plain text as HTML text of one line, in which `@name` notifies no user of the forge. */
export function html(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '@': '&#64;' };
  return oneLine(text).replace(/[&<>@]/g, (char) => entities[char] ?? char);
}

/** Plain text as Markdown that renders as that text, also inside a table. Not for the start of a line. */
export function markdown(text: string): string {
  return html(text.replace(/[\\`*_{}[\]|~^$]|#(?=\w)/g, '\\$&'));
}

/** A fenced block, whose fence is longer than any run of backticks in the text. */
export function fenced(text: string, most = 200): string {
  const body = excerpt(text, 400, most).join('\n');
  const longest = Math.max(0, ...(body.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}text\n${body}\n${fence}`;
}
