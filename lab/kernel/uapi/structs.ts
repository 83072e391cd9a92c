import { withoutDirectives } from './names.ts';

/** A struct or union with the names of its members. */
export interface Struct {
  tag: 'struct' | 'union';
  name: string;
  /** Members as C code names them, those of anonymous structs and unions included; bit-fields, which have no offset, left out. */
  fields: string[];
}

/** Index after the brace or parenthesis that matches the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '{' || text[at] === '(') depth++;
    else if (text[at] === '}' || text[at] === ')') depth--;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

function withoutAttributes(text: string): string {
  let rest = text;
  for (;;) {
    const at = rest.search(/\b__attribute__\s*\(/);
    if (at < 0) return rest;
    rest = rest.slice(0, at) + rest.slice(closing(rest, rest.indexOf('(', at)));
  }
}

/** `a, *b[4], c : 3` -> `a`, `b`. */
function declarators(text: string): string[] {
  return text.split(',').flatMap((part) => {
    if (part.includes(':')) return [];
    const pointer = /\(\s*\*\s*(\w+)\s*\)/.exec(part)?.[1];
    const plain = /(\w+)\s*(?:\[[^\]]*\]\s*)*$/.exec(part.trim())?.[1];
    return pointer ?? plain ?? [];
  });
}

/** The member names of a struct's body. */
function members(body: string): string[] {
  const names: string[] = [];
  for (let at = 0; at < body.length; ) {
    const semicolon = body.indexOf(';', at);
    const brace = body.indexOf('{', at);
    if (semicolon < 0) break;
    if (brace < 0 || semicolon < brace) {
      names.push(...declarators(body.slice(at, semicolon)));
      at = semicolon + 1;
      continue;
    }
    const end = closing(body, brace);
    const stop = body.indexOf(';', end);
    const declarator = body.slice(end, stop).trim();
    if (declarator) names.push(...declarators(declarator));
    else if (!/\benum\b/.test(body.slice(at, brace))) names.push(...members(body.slice(brace + 1, end - 1)));
    at = stop + 1;
  }
  return names;
}

/** Every struct and union with a tag and a body in preprocessed text; of several with one tag the last. */
export function findStructs(text: string): Struct[] {
  const code = withoutAttributes(withoutDirectives(text));
  const structs = new Map<string, Struct>();
  for (const match of code.matchAll(/\b(struct|union)\s+(\w+)\s*\{/g)) {
    const [whole, tag, name = ''] = match;
    const open = match.index + whole.length - 1;
    const fields = [...new Set(members(code.slice(open + 1, closing(code, open) - 1)))];
    structs.set(name, { tag: tag === 'union' ? 'union' : 'struct', name, fields });
  }
  return [...structs.values()];
}
