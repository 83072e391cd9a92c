import { VerdictError } from '../../core/errors.ts';

/** A token of C: a word (identifier, keyword or number), a literal, or one character of punctuation. */
export interface Token {
  text: string;
  word: boolean;
}

/** Characters of a name that a suite may use: expressions repeat it. Those of Linux 6.12 have at most 50. */
export const MAX_NAME = 256;

/** Each alternative consumes what it has scanned, also an unclosed literal, so that the time is linear in the text. */
const TOKEN = /\w+|"(?:[^"\\\n]|\\[^\n])*"?|'(?:[^'\\\n]|\\[^\n])*'?|[^\s\w]/g;

/** Characters of one literal that the expression above can take without a deep stack. */
const MAX_LINE = 1 << 20;

/** The headers of Linux 6.12 that suites use have 0.4 million characters. */
const MAX_TOKENS = 1_500_000;

function tooMany(): VerdictError {
  const message = `the kernel's headers have more than ${MAX_TOKENS} tokens`;
  return new VerdictError('build-failed', message, message);
}

/** The tokens of preprocessed C text, without directives and `__attribute__((…))`. Throws VerdictError for too many. */
export function tokensOf(text: string): Token[] {
  const code = text
    .split('\n')
    .filter((line) => !line.startsWith('#') && line.length <= MAX_LINE)
    .join('\n');
  const all: Token[] = [];
  for (const [token] of code.matchAll(TOKEN)) {
    if (all.push({ text: token, word: /^\w/.test(token) }) > MAX_TOKENS) throw tooMany();
  }
  const kept: Token[] = [];
  for (let at = 0; at < all.length; at++) {
    const token = all[at] as Token;
    if (token.text !== '__attribute__' || all[at + 1]?.text !== '(') kept.push(token);
    else at = closing(all, at + 1);
  }
  return kept;
}

/** Index of the parenthesis that matches the one at `open`, else of the last token. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    const { text } = tokens[at] as Token;
    if (text === '(') depth++;
    else if (text === ')' && --depth === 0) return at;
  }
  return tokens.length;
}
