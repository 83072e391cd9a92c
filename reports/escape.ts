/**
 * Characters that would steer a terminal or hide what a text says: controls except newline and tab, bidirectional overrides,
 * line separators, invisible marks. Names, reasons and consoles come from guests and patches, which nobody has vetted.
 */
export const UNSAFE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Shows such characters as `\x1b` or `\u202e` instead of obeying them. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return char.charCodeAt(0) < 0x100 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** One visible line of at most `width` characters; what was longer ends in `...`. */
export function oneLine(text: string, width = 1000): string {
  const line = visible(text.replace(/\s+/g, ' ').trim());
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 3))}...`;
}

/** Words in lines of at most `width` characters; at most `most` lines, the last ending in `...` if there is more. */
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

/** The first lines of a block of text, each visible and cut to `width`, with a note of what was left out. */
export function excerpt(text: string, width: number, most: number): string[] {
  const lines = text.trimEnd().split('\n');
  const shown = lines.slice(0, most).map((line) => {
    const clear = visible(line.replaceAll('\t', '    '));
    return clear.length <= width ? clear : `${clear.slice(0, width - 3)}...`;
  });
  return lines.length > most ? [...shown, `[${lines.length - most} more lines]`] : shown;
}

/** Plain text as HTML text of one line that mentions nobody. */
export function html(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '@': '&#64;' };
  return oneLine(text).replace(/[&<>@]/g, (char) => entities[char] ?? char);
}

/** Plain text as Markdown that shows it literally, also inside a table. Not for the start of a line. */
export function markdown(text: string): string {
  return html(text.replace(/[\\`*_{}[\]|~^$]|#(?=\w)/g, '\\$&'));
}

/** A fenced block that its content cannot leave. */
export function fenced(text: string, most = 200): string {
  const body = excerpt(text, 400, most).join('\n');
  const longest = Math.max(0, ...(body.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}text\n${body}\n${fence}`;
}
