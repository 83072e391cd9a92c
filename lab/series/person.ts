import { MAX_SUBJECT } from './limits.ts';
import type { Person } from './stages.ts';

/** Removes quotes around names and the backslashes inside of them; comments keep their brackets. */
const unquoteName = (text: string) =>
  text.replace(/"((?:[^"\\]|\\.)*)"?/g, (_all, inner: string) => inner.replace(/\\(.)/g, '$1'));

/** The name, or the address where the name says nothing: git mailinfo takes none of over 60 bytes or with `@<>`. */
function saneName(name: string, email: string): string {
  const bytes = Buffer.byteLength(name);
  return bytes === 0 || bytes > 60 || /[@<>]/.test(name) ? email : name;
}

/**
 * Parses the value of a From header as git mailinfo does: the address is what surrounds the first `@`, the name is the rest. A value
 * without `@` has an address in `<>`, or is all name.
 */
export function parseFrom(value: string): Person {
  const written = value.slice(0, 2 * MAX_SUBJECT);
  const text = unquoteName(written);
  const at = text.indexOf('@');
  if (at < 0) {
    const [all, inner = ''] = /<([^<>]*)>/.exec(written) ?? [];
    if (all === undefined) return { name: text.replace(/\s+/g, ' ').trim(), email: '' };
    return { name: saneName(written.slice(0, written.indexOf('<')).trim(), inner), email: inner };
  }
  let start = at;
  while (start > 0 && !/[\s<]/.test(text[start - 1] ?? '')) start--;
  const [email = ''] = /^[^\s>]*/.exec(text.slice(start)) ?? [];
  const before = text.slice(0, text[start - 1] === '<' ? start - 1 : start);
  const rest = `${before} ${text.slice(start + email.length + 1)}`.replace(/\s+/g, ' ').trim();
  const name = rest.startsWith('(') && rest.endsWith(')') ? rest.slice(1, -1) : rest;
  return { name: saneName(name, email).slice(0, MAX_SUBJECT), email: email.slice(0, MAX_SUBJECT) };
}
