import type { Problem } from '../../core/errors.ts';
import type { ConfigLine } from './dotconfig.ts';
import { conjuncts, evaluate, type Lookup, parseExpression, show, symbolsOf } from './expression.ts';
import { type Definition, dependsOf } from './parse.ts';

/** The requested values that the finished config does not have; of several lines for one symbol the last counts. */
export function refused(lines: readonly ConfigLine[], values: ReadonlyMap<string, string>): ConfigLine[] {
  const last = new Map(lines.map((line) => [line.symbol, line]));
  return [...last.values()].filter(({ symbol, value }) => (values.get(symbol) ?? 'n') !== value);
}

/** A part of a condition, with its level: 0 for n, 1 for m, 2 for y. */
interface Part {
  level: number;
  /** The part as text, with the values of its symbols if it does not hold. */
  text: string;
}

function partsOf(condition: string, lookup: Lookup): Part[] {
  return conjuncts(parseExpression(condition)).map((part) => {
    const level = evaluate(part, lookup);
    if (level > 0) return { level, text: show(part) };
    const names = [...new Set(symbolsOf(part))].filter((name) => /[A-Z]/.test(name) && !/^["'$]/.test(name));
    return { level, text: `${show(part)} (${names.map((name) => `${name}=${lookup(name)}`).join(', ')})` };
  });
}

/** The parts of conditions that have one level, each once. */
type Conditions = (conditions: readonly string[], level: number) => string[];

/** Parses each text once: definitions of one symbol share the conditions around them, which may be long. */
function conditionsWith(lookup: Lookup): Conditions {
  const parsed = new Map<string, Part[]>();
  const partsOfText = (text: string) => {
    const parts = parsed.get(text) ?? partsOf(text, lookup);
    parsed.set(text, parts);
    return parts;
  };
  return (conditions, level) => {
    const parts = [...new Set(conditions)].flatMap(partsOfText);
    return [...new Set(parts.filter((part) => part.level === level).map(({ text }) => text))];
  };
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

/** Definitions of one symbol that are named, and that are examined; characters of a reason: all come from the tree. */
const MAX_PLACES = 5;
const MAX_EXAMINED = 20;
const MAX_REASON = 2000;

function cut(text: string): string {
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON)}…` : text;
}

/** Why a symbol is off. `places` are its definitions. */
function reasonOff(
  symbol: string,
  places: readonly Definition[],
  all: readonly Definition[],
  conditions: Conditions,
): string {
  const unmet = places.map((definition) => conditions(dependsOf(definition), 0));
  // Of several definitions, one whose dependencies are met is enough.
  if (unmet.every((list) => list.length > 0))
    return `unmet dependency: ${[...new Set(unmet.flat())].join(', ')}`;
  const prompts = places.filter((definition) => definition.prompt !== undefined);
  if (prompts.length === 0) {
    const selectors = possibleSelectors(symbol, all);
    const selected = selectors.length > 0 ? ` (selected by ${selectors.join(', ')})` : '';
    return `it has no prompt: only other options set it${selected}`;
  }
  const hidden = prompts.map(({ prompt }) => conditions(prompt?.condition ? [prompt.condition] : [], 0));
  if (hidden.every((list) => list.length > 0))
    return `its prompt is hidden: unmet ${hidden.flat().join(', ')}`;
  if (places.some((definition) => definition.choice)) return 'another member of its choice is taken';
  return 'its dependencies are met, so the value is out of its range or type';
}

const NO_OPTION =
  'correct its name; if other releases have it, limit the line to them: `# [until 6.12] why` above it (kernels/README.md)';

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
    return { what, where, fix: NO_OPTION };
  }
  const refusal = `CONFIG_${symbol}=${value} did not take, it is ${lookup(symbol)}`;
  const wheres = places.map((place) => place.where);
  const others = wheres.length > MAX_PLACES ? ` and ${wheres.length - MAX_PLACES} more` : '';
  const fix = `see ${wheres.slice(0, MAX_PLACES).join(', ')}${others}; enable its dependencies, or leave it out`;
  const selectors = selectorsOf(symbol, all, lookup);
  if (lookup(symbol) !== 'n' && value !== 'y' && selectors.length > 0)
    return { what: cut(`${refusal}: selected by ${selectors.join(', ')}`), where, fix };
  const conditions = conditionsWith(lookup);
  const examined = places.slice(0, MAX_EXAMINED);
  // A dependency with the value `m` limits a tristate option to `m`.
  const limits = value === 'y' && lookup(symbol) === 'm' ? conditions(examined.flatMap(dependsOf), 1) : [];
  const reason =
    limits.length > 0 ? `limited to m by ${limits.join(', ')}` : reasonOff(symbol, examined, all, conditions);
  return { what: cut(`${refusal}: ${reason}`), where, fix };
}
