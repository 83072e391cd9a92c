import type { Problem } from '../../core/errors.ts';
import type { ConfigLine } from './dotconfig.ts';
import { conjuncts, evaluate, type Lookup, parseExpression, show, symbolsOf } from './expression.ts';
import type { Definition } from './parse.ts';

/** The last word on each symbol of a request that the finished config does not have as asked. */
export function refused(lines: readonly ConfigLine[], values: ReadonlyMap<string, string>): ConfigLine[] {
  const last = new Map(lines.map((line) => [line.symbol, line]));
  return [...last.values()].filter(({ symbol, value }) => (values.get(symbol) ?? 'n') !== value);
}

/** The operands of a symbol's dependency that do not hold, each with the values that its symbols have. */
function unmetOf(demands: readonly string[], lookup: Lookup): string[] {
  const parts = demands.flatMap((demand) => conjuncts(parseExpression(demand)));
  const unmet = parts.filter((part) => evaluate(part, lookup) === 0);
  const described = unmet.map((part) => {
    const names = [...new Set(symbolsOf(part))].filter((name) => /[A-Z]/.test(name) && !/^["'$]/.test(name));
    return `${show(part)} (${names.map((name) => `${name}=${lookup(name)}`).join(', ')})`;
  });
  return [...new Set(described)];
}

function selectorsOf(symbol: string, all: readonly Definition[], lookup: Lookup): string[] {
  const active = all.filter(
    (definition) =>
      lookup(definition.symbol) !== 'n' &&
      definition.selects.some(
        (select) =>
          select.symbol === symbol &&
          (!select.condition || evaluate(parseExpression(select.condition), lookup) > 0),
      ),
  );
  return [...new Set(active.map((definition) => definition.symbol))];
}

function possibleSelectors(symbol: string, all: readonly Definition[]): string[] {
  const names = all.filter(({ selects }) => selects.some((select) => select.symbol === symbol));
  return [...new Set(names.map((definition) => definition.symbol))].slice(0, 5);
}

function reasonOff(
  symbol: string,
  mine: readonly Definition[],
  all: readonly Definition[],
  lookup: Lookup,
): string {
  const unmet = mine.map((definition) => unmetOf(definition.depends, lookup));
  // Defined in several places, one whose demands are met is enough.
  if (unmet.every((list) => list.length > 0)) return `unmet dependency: ${unmet.flat().join(', ')}`;
  const prompts = mine.filter((definition) => definition.prompt !== undefined);
  if (prompts.length === 0) {
    const by = possibleSelectors(symbol, all);
    return `it has no prompt: only other options set it${by.length > 0 ? ` (selected by ${by.join(', ')})` : ''}`;
  }
  const hidden = prompts.map(({ prompt }) => unmetOf(prompt?.condition ? [prompt.condition] : [], lookup));
  if (hidden.every((list) => list.length > 0))
    return `its prompt is hidden: unmet ${hidden.flat().join(', ')}`;
  if (mine.some((definition) => definition.choice)) return 'another member of its choice is taken';
  return 'its dependencies are met, so the value is out of its range or type';
}

/** Demands that hold only as far as `m`: a tristate option cannot be built in above them. */
function limitsOf(mine: readonly Definition[], lookup: Lookup): string[] {
  const parts = mine.flatMap(({ depends }) =>
    depends.flatMap((demand) => conjuncts(parseExpression(demand))),
  );
  return [...new Set(parts.filter((part) => evaluate(part, lookup) === 1).map(show))];
}

/** Why an option did not take, as a problem to show. `values` is the finished config, `all` the tree's Kconfig. */
export function explain(
  line: ConfigLine,
  all: readonly Definition[],
  values: ReadonlyMap<string, string>,
): Problem {
  const { symbol, value, where } = line;
  const lookup: Lookup = (name) => values.get(name) ?? 'n';
  const mine = all.filter((definition) => definition.symbol === symbol);
  if (mine.length === 0) {
    const what = `CONFIG_${symbol}=${value}: this kernel knows no such option`;
    return { what, where, fix: 'correct its name, or leave it out for this kernel' };
  }
  const asked = `CONFIG_${symbol}=${value} did not take, it is ${lookup(symbol)}`;
  const fix = `look at ${mine.map((one) => one.where).join(', ')}; ask for what it needs, or leave it out`;
  const selectors = selectorsOf(symbol, all, lookup);
  if (lookup(symbol) !== 'n' && value !== 'y' && selectors.length > 0)
    return { what: `${asked}: selected by ${selectors.join(', ')}`, where, fix };
  const limits = value === 'y' && lookup(symbol) === 'm' ? limitsOf(mine, lookup) : [];
  const reason =
    limits.length > 0 ? `limited to m by ${limits.join(', ')}` : reasonOff(symbol, mine, all, lookup);
  return { what: `${asked}: ${reason}`, where, fix };
}
