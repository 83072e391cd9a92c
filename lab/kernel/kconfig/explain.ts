import type { Problem } from '../../core/errors.ts';
import type { ConfigLine } from './dotconfig.ts';
import { conjuncts, evaluate, type Lookup, parseExpression, show, symbolsOf } from './expression.ts';
import type { Definition } from './parse.ts';

/** The requested values that the finished config does not have; of several lines for one symbol the last counts. */
export function refused(lines: readonly ConfigLine[], values: ReadonlyMap<string, string>): ConfigLine[] {
  const last = new Map(lines.map((line) => [line.symbol, line]));
  return [...last.values()].filter(({ symbol, value }) => (values.get(symbol) ?? 'n') !== value);
}

/** The operands of dependencies that do not hold, each with the values of its symbols. */
function unmetOf(dependencies: readonly string[], lookup: Lookup): string[] {
  const parts = dependencies.flatMap((dependency) => conjuncts(parseExpression(dependency)));
  const unmet = parts.filter((part) => evaluate(part, lookup) === 0);
  const described = unmet.map((part) => {
    const names = [...new Set(symbolsOf(part))].filter((name) => /[A-Z]/.test(name) && !/^["'$]/.test(name));
    return `${show(part)} (${names.map((name) => `${name}=${lookup(name)}`).join(', ')})`;
  });
  return [...new Set(described)];
}

/** Enabled symbols that select `symbol`. */
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

/** Up to five symbols that can select `symbol`. */
function possibleSelectors(symbol: string, all: readonly Definition[]): string[] {
  const definitions = all.filter(({ selects }) => selects.some((select) => select.symbol === symbol));
  return [...new Set(definitions.map((definition) => definition.symbol))].slice(0, 5);
}

/** Definitions of one symbol that are named; characters of a reason: both come from the tree. */
const MAX_PLACES = 5;
const MAX_REASON = 2000;

function cut(text: string): string {
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON)}…` : text;
}

/** Why a symbol is off. `places` are its definitions. */
function reasonOff(
  symbol: string,
  places: readonly Definition[],
  all: readonly Definition[],
  lookup: Lookup,
): string {
  const unmet = places.map((definition) => unmetOf(definition.depends, lookup));
  // Of several definitions, one whose dependencies are met is enough.
  if (unmet.every((list) => list.length > 0)) return `unmet dependency: ${unmet.flat().join(', ')}`;
  const prompts = places.filter((definition) => definition.prompt !== undefined);
  if (prompts.length === 0) {
    const selectors = possibleSelectors(symbol, all);
    const selected = selectors.length > 0 ? ` (selected by ${selectors.join(', ')})` : '';
    return `it has no prompt: only other options set it${selected}`;
  }
  const hidden = prompts.map(({ prompt }) => unmetOf(prompt?.condition ? [prompt.condition] : [], lookup));
  if (hidden.every((list) => list.length > 0))
    return `its prompt is hidden: unmet ${hidden.flat().join(', ')}`;
  if (places.some((definition) => definition.choice)) return 'another member of its choice is taken';
  return 'its dependencies are met, so the value is out of its range or type';
}

/** Dependencies with the value `m`, which limit a tristate option to `m`. */
function limitsOf(places: readonly Definition[], lookup: Lookup): string[] {
  const parts = places.flatMap(({ depends }) =>
    depends.flatMap((dependency) => conjuncts(parseExpression(dependency))),
  );
  return [...new Set(parts.filter((part) => evaluate(part, lookup) === 1).map(show))];
}

/** The problem of an option that did not take. `values` is the finished config, `all` the tree's Kconfig. */
export function explain(
  line: ConfigLine,
  all: readonly Definition[],
  values: ReadonlyMap<string, string>,
): Problem {
  const { symbol, value, where } = line;
  const lookup: Lookup = (name) => values.get(name) ?? 'n';
  const places = all.filter((definition) => definition.symbol === symbol);
  if (places.length === 0) {
    const what = `CONFIG_${symbol}=${value}: this kernel has no such option`;
    return { what, where, fix: 'correct its name, or leave it out for this kernel' };
  }
  const refusal = `CONFIG_${symbol}=${value} did not take, it is ${lookup(symbol)}`;
  const wheres = places.map((place) => place.where);
  const others = wheres.length > MAX_PLACES ? ` and ${wheres.length - MAX_PLACES} more` : '';
  const fix = `see ${wheres.slice(0, MAX_PLACES).join(', ')}${others}; enable its dependencies, or leave it out`;
  const selectors = selectorsOf(symbol, all, lookup);
  if (lookup(symbol) !== 'n' && value !== 'y' && selectors.length > 0)
    return { what: cut(`${refusal}: selected by ${selectors.join(', ')}`), where, fix };
  const limits = value === 'y' && lookup(symbol) === 'm' ? limitsOf(places, lookup) : [];
  const reason =
    limits.length > 0 ? `limited to m by ${limits.join(', ')}` : reasonOff(symbol, places, all, lookup);
  return { what: cut(`${refusal}: ${reason}`), where, fix };
}
