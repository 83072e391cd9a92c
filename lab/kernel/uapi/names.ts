import { type Token, tokensOf } from './tokens.ts';

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

/** Names of object-like macros with a body, from the output of `gcc -E -dD`. */
export function macroNames(text: string): string[] {
  const names = [...text.matchAll(/^#define (\w+) \S/gm)].map((match) => match[1] ?? '');
  return [...new Set(names)];
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

/** Names of the enumerators of every enum with a body. */
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
  return [...new Set(names)];
}
