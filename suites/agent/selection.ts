import { type CellFile, NOT_SELECTED } from '../../lab/model/protocol.ts';

/** Whether the cell asks for a test, by parts of its name and by its exact name. */
export function isSelected(name: string, { only, tests }: Pick<CellFile, 'only' | 'tests'>): boolean {
  // Names of tests are told on one line.
  if (tests && !tests.includes(name.replace(/\s+/g, ' '))) return false;
  return only.length === 0 || only.some((part) => name.includes(part));
}

/** Those of the selected tests that are this guest's, where several share them. */
export const shareOf = <T>(selected: readonly T[], { shard }: Pick<CellFile, 'shard'>): T[] =>
  selected.filter((_test, position) => !shard || position % shard.of === shard.at - 1);

/** Names that a mistyped part may have meant. */
const MOST_HINTS = 2;

/** Groups of three letters, by which a part of a name is compared with a whole name. */
function letters(text: string): string[] {
  const plain = text.toLowerCase();
  return Array.from({ length: Math.max(1, plain.length - 2) }, (_, at) => plain.slice(at, at + 3));
}

/** Share of a part's letters, in groups, that are in a name. */
function similarity(part: string, name: string): number {
  const groups = letters(part);
  return groups.filter((group) => name.toLowerCase().includes(group)).length / groups.length;
}

/** Why the suite skips everything: none of its tests has a name that the cell asks for. Names those that come closest. */
export function whyNone(names: readonly string[], { only }: Pick<CellFile, 'only'>): string {
  if (names.length === 0) return 'the suite has no test';
  const near = names
    .map((name) => ({ name, score: Math.max(0, ...only.map((part) => similarity(part, name))) }))
    .filter(({ score }) => score >= 0.5)
    .sort((a, b) => b.score - a.score)
    .slice(0, MOST_HINTS);
  const hint = near.map(({ name }) => JSON.stringify(name)).join(' or ');
  const asked = only.map((part) => JSON.stringify(part)).join(' or ');
  return `${NOT_SELECTED}${asked}${hint ? `; perhaps ${hint}` : `; the suite has ${names.length}`}`;
}
