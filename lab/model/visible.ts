/**
 * Characters that control a terminal or change how a text reads: controls except newline and tab, bidirectional overrides, line
 * separators, invisible marks. Patches, build output, guests and their consoles cannot be trusted.
 */
export const UNSAFE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

const codeOf = (char: string, digits: number) => char.charCodeAt(0).toString(16).padStart(digits, '0');

/** The text with each unsafe character as its escape, `\x1b` or `\u202e`. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (char) =>
    char <= '\u00ff' ? `\\x${codeOf(char, 2)}` : `\\u${codeOf(char, 4)}`,
  );
}

/** JSON text with its unsafe characters, which only occur inside of strings, as `\u009b`: the value is the same. */
export function visibleJson(json: string): string {
  return json.replace(UNSAFE, (char) => `\\u${codeOf(char, 4)}`);
}

/** One visible line of at most `width` characters; a longer text ends in `...`. */
export function oneLine(text: string, width = 1000): string {
  const line = visible(text.replace(/\s+/g, ' ').trim());
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 3))}...`;
}
