import type { Dialect } from './syntax.ts';

/** What a result line says besides ok and not ok. */
export type Directive = { word: 'skip' | 'todo' | 'xfail' | 'timeout' | 'error'; text: string };

/** What stands behind the number of a result line. */
export interface Parts {
  name: string;
  directive?: Directive;
  durationMs?: number;
  /** Text after `#` that is no directive, such as kselftest's `exit=1`. */
  note?: string;
}

/** TAP 14, Directives: any case, and further characters behind the word. */
const TAP_WORD = /^(skip|todo)\w*(?=\W|$)[:\s-]*(.*)$/is;
/** KTAP's own, which the kernel writes in capitals: `# error path` is a note. */
const KTAP_WORD = /^(XFAIL|TIMEOUT|ERROR)(?=[\s:]|$)[:\s-]*(.*)$/s;
const TIME = /(?:^|\s)#\s*time=([\d.]+)\s*(ms|s)\s*$/i;

/** A text in which `\#` and `\\` stand for `#` and `\`. KTAP has no escapes. */
export const unescaped = (text: string, dialect: Dialect): string =>
  dialect === 'ktap' ? text : text.replace(/\\([#\\])/g, '$1');

/** What may stand behind the `#` of a directive: TAP 14 demands white space, older producers leave it out. */
const BEHIND_HASH = /^(?:\s|$|skip|todo)/i;

/**
 * Index of the `#` that ends a description; -1 without any. It is the first one that is not escaped and stands at the start, after
 * white space or after an escaped backslash: `page.html#skip` and `bug #12` are names (TAP 14, Directive and Escaping Examples).
 */
function hashAt(rest: string): number {
  let free = 0;
  for (const { 0: token, index } of rest.matchAll(/\\[\\#]|#|\s/g)) {
    if (token === '#') {
      if (index === free && BEHIND_HASH.test(rest.slice(index + 1, index + 5))) return index;
    } else if (token !== '\\#') free = index + token.length;
  }
  return -1;
}

function directiveIn(text: string, dialect: Dialect): Directive | undefined {
  const match = TAP_WORD.exec(text) ?? (dialect === 'tap14' ? undefined : KTAP_WORD.exec(text));
  if (!match) return undefined;
  const word = (match[1] ?? '').toLowerCase() as Directive['word'];
  return { word, text: unescaped((match[2] ?? '').trim(), dialect) };
}

/** Takes apart what stands behind the number of a result line. */
export function splitPoint(rest: string, dialect: Dialect): Parts {
  const time = TIME.exec(rest);
  const text = time ? rest.slice(0, time.index).trimEnd() : rest;
  const durationMs = time ? { durationMs: Number(time[1]) * (time[2] === 's' ? 1000 : 1) } : {};
  const at = hashAt(text);
  if (at < 0) return { name: text, ...durationMs };
  const name = text.slice(0, at).trimEnd();
  const after = text.slice(at + 1).trim();
  const directive = directiveIn(after, dialect);
  if (directive) return { name, directive, ...durationMs };
  // In TAP 14 an unknown directive is part of the name; KTAP and kselftest put data there that changes from run to run.
  return dialect === 'tap14' ? { name: text, ...durationMs } : { name, note: after, ...durationMs };
}

/**
 * What stands behind the number of a result line without the brace that begins a buffered subtest: `a {`, `a { # time=1ms` or
 * `a # time=1ms {`. Undefined without one.
 */
export function withoutBrace(rest: string): string | undefined {
  const at = hashAt(rest);
  for (const end of at < 0 ? [rest.length] : [rest.length, at]) {
    const before = rest.slice(0, end).trimEnd();
    if (/(?:^|\s)\{$/.test(before)) return `${before.slice(0, -1)}${rest.slice(end)}`.trim();
  }
  return undefined;
}
