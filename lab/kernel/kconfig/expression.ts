/**
 * A Kconfig expression (Documentation/kbuild/kconfig-language.rst, "Menu dependencies"): tristate logic over symbols, with
 * comparisons.
 */
type Expression =
  | { kind: 'symbol'; name: string }
  | { kind: 'compare'; operator: string; left: string; right: string }
  | { kind: 'not'; of: Expression }
  | { kind: 'and' | 'or'; operands: Expression[] };

/** The value of a symbol in a `.config`; `n` when it has none. */
export type Lookup = (symbol: string) => string;

/** Every alternative consumes what it has scanned, also an unclosed string: no character is scanned for a second token. */
const TOKEN =
  /\s*(&&|\|\||!=|<=|>=|[!()=<>]|"(?:[^"\\]|\\(?:.|\n))*"?|'[^']*'?|\$\((?:[^()]|\([^()]*\))*\)|[\w./-]+)/y;

/** Parentheses in each other; Linux 6.12 has at most 4. */
const MAX_NESTING = 100;

const ALWAYS: Expression = { kind: 'symbol', name: 'y' };

function tokenise(text: string): string[] {
  const source = text.trimEnd();
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(source); match; match = TOKEN.exec(source)) {
    tokens.push(match[1] ?? '');
    if (TOKEN.lastIndex >= source.length) break;
  }
  return tokens;
}

function nestingOf(tokens: readonly string[]): number {
  let depth = 0;
  let deepest = 0;
  for (const token of tokens) {
    if (token === '(') deepest = Math.max(deepest, ++depth);
    else if (token === ')') depth--;
  }
  return deepest;
}

/**
 * Parses `A && (B || !C) && D = "x"`. Never throws: a text that is no expression, or is nested too deeply to be one that people wrote,
 * becomes the symbol `y`, which always holds.
 */
export function parseExpression(text: string): Expression {
  const tokens = tokenise(text);
  if (nestingOf(tokens) > MAX_NESTING) return ALWAYS;
  let at = 0;
  const atom = (): Expression => {
    const next = tokens[at++] ?? 'y';
    if (next === '(') {
      const inner = or();
      at++;
      return inner;
    }
    const operator = tokens[at];
    if (operator === undefined || !/^(=|!=|<|>|<=|>=)$/.test(operator)) return { kind: 'symbol', name: next };
    at++;
    return { kind: 'compare', operator, left: next, right: tokens[at++] ?? '' };
  };
  const primary = (): Expression => {
    let negations = 0;
    for (; tokens[at] === '!'; at++) negations++;
    const operand = atom();
    // In tristate logic, too, two negations cancel out.
    return negations % 2 === 1 ? { kind: 'not', of: operand } : operand;
  };
  const chain = (operator: string, kind: 'and' | 'or', part: () => Expression) => (): Expression => {
    const first = part();
    if (tokens[at] !== operator) return first;
    const operands = [first];
    for (; tokens[at] === operator; operands.push(part())) at++;
    return { kind, operands };
  };
  const and = chain('&&', 'and', primary);
  const or = chain('||', 'or', and);
  return or();
}

/** Levels of the tristate values, as Kconfig orders them. */
const TRISTATE = { n: 0, m: 1, y: 2 } as const;

function levelOf(name: string, lookup: Lookup): number {
  // Macros such as $(cc-option,...) depend on the compiler; no config changes them.
  if (name.startsWith('$(')) return 2;
  const value = Object.hasOwn(TRISTATE, name) ? name : lookup(name);
  return TRISTATE[value as keyof typeof TRISTATE] ?? 0;
}

/** The text that a comparison compares: a constant, or the value of a symbol without its quotes. */
function literal(word: string, lookup: Lookup): string {
  if (/^["']/.test(word)) return word.slice(1, -1);
  if (Object.hasOwn(TRISTATE, word) || /^-?\d|^0x/.test(word)) return word;
  return lookup(word).replace(/^"|"$/g, '');
}

function compare(operator: string, left: string, right: string): boolean {
  if (operator === '=') return left === right;
  if (operator === '!=') return left !== right;
  const order = Math.sign(Number(left) - Number(right));
  return { '<': [-1], '>': [1], '<=': [-1, 0], '>=': [0, 1] }[operator]?.includes(order) ?? false;
}

/** The level of an expression: 0 for n, 1 for m, 2 for y. */
export function evaluate(expression: Expression, lookup: Lookup): number {
  switch (expression.kind) {
    case 'symbol':
      return levelOf(expression.name, lookup);
    case 'not':
      return 2 - evaluate(expression.of, lookup);
    case 'and':
      return expression.operands.reduce((least, operand) => Math.min(least, evaluate(operand, lookup)), 2);
    case 'or':
      return expression.operands.reduce((most, operand) => Math.max(most, evaluate(operand, lookup)), 0);
    case 'compare': {
      const { operator, left, right } = expression;
      return compare(operator, literal(left, lookup), literal(right, lookup)) ? 2 : 0;
    }
  }
}

/** The operands of the outermost `&&`. */
export function conjuncts(expression: Expression): Expression[] {
  return expression.kind === 'and' ? expression.operands.flatMap(conjuncts) : [expression];
}

/** The symbols and constants in an expression, in order, with repetitions. */
export function symbolsOf(expression: Expression): string[] {
  if (expression.kind === 'symbol') return [expression.name];
  if (expression.kind === 'not') return symbolsOf(expression.of);
  if (expression.kind === 'compare') return [expression.left, expression.right];
  return expression.operands.flatMap(symbolsOf);
}

/** The expression as Kconfig text. */
export function show(expression: Expression): string {
  switch (expression.kind) {
    case 'symbol':
      return expression.name;
    case 'not':
      return `!${show(expression.of)}`;
    case 'compare':
      return `${expression.left}${expression.operator}${expression.right}`;
    case 'and':
    case 'or':
      return `(${expression.operands.map(show).join(expression.kind === 'and' ? ' && ' : ' || ')})`;
  }
}
