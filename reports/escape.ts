/** Columns of a page of text. Figures may make a row longer, names and messages never do. */
export const PAGE = 100;

/**
 * Characters that control a terminal or change how a text reads: controls except newline and tab, bidirectional overrides, line
 * separators, invisible marks. Names, reasons and consoles come from guests and patches and cannot be trusted.
 */
export const UNSAFE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** The text with each unsafe character as its escape, `\x1b` or `\u202e`. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return char.charCodeAt(0) < 0x100 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** One visible line of at most `width` characters; a longer text ends in `...`. */
export function oneLine(text: string, width = 1000): string {
  const line = visible(text.replace(/\s+/g, ' ').trim());
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 3))}...`;
}

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
