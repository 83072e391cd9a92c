import { MAX_NAME, type Token, tokensOf } from './tokens.ts';

/** The lines of preprocessed text that come from files under `folders`, without line markers (cpp manual, "Preprocessor Output"). */
export function textFrom(preprocessed: string, folders: readonly string[]): string {
  let inside = false;
  const lines: string[] = [];
  for (const line of preprocessed.split('\n')) {
    const file = /^# \d+ "([^"]*)"/.exec(line)?.[1];
    if (file !== undefined) inside = folders.some((folder) => file.startsWith(folder));
    else if (inside) lines.push(line);
  }
  return lines.join('\n');
}

/** A name of each that is not longer than `MAX_NAME`, once. */
const unique = (names: readonly string[]) => [...new Set(names.filter((name) => name.length <= MAX_NAME))];

/** Names of object-like macros with a body, from the output of `gcc -E -dD`. Longer ones than `MAX_NAME` are left out. */
export function macroNames(text: string): string[] {
  return unique(Array.from(text.matchAll(/^#define (\w+) \S/gm), (match) => match[1] ?? ''));
}

/** Index of the body's brace when an enum with a body begins at `at`. */
function enumBody(tokens: readonly Token[], at: number): number | undefined {
  for (let next = at + 1; next < tokens.length; next++) {
    const { text } = tokens[next] as Token;
    if (text === '{') return next;
    if (text === 'enum' || text === ';' || text === '(' || text === ')') return undefined;
  }
  return undefined;
}

/** Names of the enumerators of every enum with a body. Longer ones than `MAX_NAME` are left out. */
export function enumeratorNames(text: string): string[] {
  const tokens = tokensOf(text);
  const names: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at]?.text !== 'enum') continue;
    const open = enumBody(tokens, at);
    if (open === undefined) continue;
    for (at = open; at < tokens.length && tokens[at]?.text !== '}'; at++) {
      const separator = tokens[at]?.text;
      const next = tokens[at + 1];
      if ((separator === '{' || separator === ',') && next?.word) names.push(next.text);
    }
  }
  return unique(names);
}
