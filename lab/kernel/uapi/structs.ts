import { VerdictError } from '../../core/errors.ts';
import { MAX_NAME, type Token, tokensOf } from './tokens.ts';

/** A struct or union with the names of its members. */
export interface Struct {
  tag: 'struct' | 'union';
  name: string;
  /** Members as C code names them, those of anonymous structs and unions included; bit-fields, which have no offset, left out. */
  fields: string[];
}

/** Braces in each other; the headers of Linux 6.12 have at most 5. */
const MAX_NESTING = 64;

/** An open brace. */
interface Body {
  /** What the brace belongs to: members are collected for structs and unions. */
  kind: 'struct' | 'union' | 'enum' | 'other';
  name: string | undefined;
  fields: string[];
  /** Tokens of the declaration that is being read. */
  declaration: Token[];
  /** The anonymous struct or union that ended in this declaration: without a declarator its members are this body's. */
  ended: Body | undefined;
}

const bodyOf = (kind: Body['kind'], name?: string): Body => ({
  ...{ kind, name, fields: [], declaration: [], ended: undefined },
});

/** What a brace after these tokens belongs to. */
function opened(declaration: readonly Token[]): Body {
  const [last, before] = [declaration.at(-1), declaration.at(-2)];
  const kindOf = (token: Token | undefined) =>
    token?.text === 'struct' || token?.text === 'union' || token?.text === 'enum' ? token.text : undefined;
  const anonymous = kindOf(last);
  if (anonymous) return bodyOf(anonymous);
  const kind = last?.word ? kindOf(before) : undefined;
  return kind ? bodyOf(kind, last?.text) : bodyOf('other');
}

/** Name that a declarator declares: `*b[4]` -> `b`, `void (*f)(int)` -> `f`; undefined for a bit-field or nothing. */
function declared(part: readonly Token[]): string | undefined {
  if (part.some(({ text }) => text === ':')) return undefined;
  const pointer = part.findIndex(({ text }, at) => text === '(' && part[at + 1]?.text === '*');
  if (pointer >= 0 && part[pointer + 2]?.word && part[pointer + 3]?.text === ')')
    return part[pointer + 2]?.text;
  let brackets = 0;
  let name: string | undefined;
  for (const { text, word } of part) {
    if (text === '[') brackets++;
    else if (text === ']') brackets--;
    else if (brackets === 0) name = word ? text : undefined;
  }
  return name;
}

/** The names that `int a, *b[4], c : 3` declares: `a`, `b`. */
function declarators(declaration: readonly Token[]): string[] {
  const names: (string | undefined)[] = [];
  let part: Token[] = [];
  let depth = 0;
  for (const token of declaration) {
    if (token.text === '(' || token.text === '[') depth++;
    if (token.text === ')' || token.text === ']') depth--;
    if (token.text !== ',' || depth > 0) part.push(token);
    else {
      names.push(declared(part));
      part = [];
    }
  }
  return [...names, declared(part)].flatMap((name) => (name && name.length <= MAX_NAME ? name : []));
}

/** Ends the declaration of a body at its semicolon. */
function endDeclaration(body: Body): void {
  const { declaration, ended } = body;
  body.declaration = [];
  body.ended = undefined;
  if (body.kind !== 'struct' && body.kind !== 'union') return;
  const ofEnded = ended && ended.kind !== 'enum' ? ended.fields : [];
  // One by one: a declaration may have more names than a call has room for arguments.
  for (const field of declaration.length > 0 ? declarators(declaration) : ofEnded) body.fields.push(field);
}

/**
 * Every struct and union with a tag and a body in preprocessed text; of several with one tag the last. Names of more than `MAX_NAME`
 * characters are left out. Throws VerdictError.
 */
export function findStructs(text: string): Struct[] {
  const structs = new Map<string, Struct>();
  const open: Body[] = [bodyOf('other')];
  for (const token of tokensOf(text)) {
    const body = open.at(-1) as Body;
    if (token.text === '{') {
      if (open.length > MAX_NESTING) throw tooDeep();
      const inner = opened(body.declaration);
      // In the order of their opening braces.
      if (inner.name && (inner.kind === 'struct' || inner.kind === 'union'))
        structs.set(inner.name, { tag: inner.kind, name: inner.name, fields: [] });
      open.push(inner);
    } else if (token.text === '}' && open.length > 1) {
      const { kind, name, fields } = body;
      open.pop();
      if (name && (kind === 'struct' || kind === 'union'))
        structs.set(name, { tag: kind, name, fields: [...new Set(fields)] });
      const outer = open.at(-1) as Body;
      outer.declaration = [];
      outer.ended = body;
    } else if (token.text === ';') endDeclaration(body);
    else body.declaration.push(token);
  }
  return [...structs.values()].filter(({ name }) => name.length <= MAX_NAME);
}

function tooDeep(): VerdictError {
  const message = `the kernel's headers have more than ${MAX_NESTING} braces in each other`;
  return new VerdictError('build-failed', message, message);
}
