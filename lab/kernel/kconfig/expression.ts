/**
 * A Kconfig expression (Documentation/kbuild/kconfig-language.rst, "Menu dependencies"): tristate logic over symbols, with
 * comparisons.
 */
type Expression =
  | { kind: 'symbol'; name: string }
  | { kind: 'compare'; operator: string; left: string; right: string }
  | { kind: 'not'; of: Expression }
  | { kind: 'and' | 'or'; left: Expression; right: Expression };

/** The value of a symbol in a `.config`; `n` when it has none. */
export type Lookup = (symbol: string) => string;

const TOKEN =
  /\s*(&&|\|\||!=|<=|>=|[!()=<>]|"(?:[^"\\]|\\.)*"|'[^']*'|\$\((?:[^()]|\([^()]*\))*\)|[\w./-]+)/y;

function tokenise(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    tokens.push(match[1] ?? '');
    if (TOKEN.lastIndex >= text.trimEnd().length) break;
  }
  return tokens;
}

/** Parses `A && (B || !C) && D = "x"`. Never throws: a text that is no expression becomes the symbol `y`, which always holds. */
export function parseExpression(text: string): Expression {
  const tokens = tokenise(text);
  let at = 0;
  const primary = (): Expression => {
    const next = tokens[at++] ?? 'y';
    if (next === '!') return { kind: 'not', of: primary() };
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
  const chain = (operator: string, kind: 'and' | 'or', part: () => Expression) => (): Expression => {
    let left = part();
    while (tokens[at] === operator) {
      at++;
      left = { kind, left, right: part() };
    }
    return left;
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
  const value = name in TRISTATE ? name : lookup(name);
  return TRISTATE[value as keyof typeof TRISTATE] ?? 0;
}

/** The text that a comparison compares: a constant, or the value of a symbol without its quotes. */
function literal(word: string, lookup: Lookup): string {
  if (/^["']/.test(word)) return word.slice(1, -1);
  if (word in TRISTATE || /^-?\d|^0x/.test(word)) return word;
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
      return Math.min(evaluate(expression.left, lookup), evaluate(expression.right, lookup));
    case 'or':
      return Math.max(evaluate(expression.left, lookup), evaluate(expression.right, lookup));
    case 'compare': {
      const { operator, left, right } = expression;
      return compare(operator, literal(left, lookup), literal(right, lookup)) ? 2 : 0;
    }
  }
}

/** The operands of the outermost `&&`. */
export function conjuncts(expression: Expression): Expression[] {
  if (expression.kind !== 'and') return [expression];
  return [...conjuncts(expression.left), ...conjuncts(expression.right)];
}

/** The symbols and constants in an expression, in order, with repetitions. */
export function symbolsOf(expression: Expression): string[] {
  if (expression.kind === 'symbol') return [expression.name];
  if (expression.kind === 'not') return symbolsOf(expression.of);
  if (expression.kind === 'compare') return [expression.left, expression.right];
  return [...symbolsOf(expression.left), ...symbolsOf(expression.right)];
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
      return `(${show(expression.left)} ${expression.kind === 'and' ? '&&' : '||'} ${show(expression.right)})`;
  }
}
