import type { Item } from './changes.ts';
import type { CellList, NameLists } from './name-lists.ts';

/** Tests without a result that counts, for one reason. */
export interface Absence {
  /** `missing`: a result should have come. `skipped` and `expected`: the test says why it does not count. */
  kind: 'missing' | 'skipped' | 'expected';
  reason: string;
  count: number;
  lists: CellList[];
}

const ORDER = ['missing', 'skipped', 'expected'] as const;
/** Reasons of a page that are given one by one. */
const REASONS = 60;

function absenceOf({ kind, patched }: Item): Absence['kind'] | undefined {
  if (kind === 'missing') return 'missing';
  if (kind !== 'same' && kind !== 'changed') return undefined;
  if (patched === 'skip') return 'skipped';
  return patched === 'todo' ? 'expected' : undefined;
}

/** Whether a test is in the list of missing results and ignored tests. */
export const isAbsent = (item: Item): boolean => absenceOf(item) !== undefined;

/** Missing results and ignored tests by reason: missing ones first, then the most frequent reason. */
export function absencesOf(items: readonly Item[], lists: NameLists): Absence[] {
  const groups = new Map<string, Group>();
  for (const item of items) {
    const kind = absenceOf(item);
    if (!kind) continue;
    const reason = item.reason ?? 'no reason given';
    const key = JSON.stringify([kind, reason]);
    const group = groups.get(key) ?? { kind, reason, items: [] };
    group.items.push(item);
    groups.set(key, group);
  }
  const sorted = [...groups.values()].sort(
    (a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || b.items.length - a.items.length,
  );
  return [...sorted.slice(0, REASONS), ...joined(sorted.slice(REASONS))].map(
    ({ kind, reason, items: tests }) => ({
      ...{ kind, reason, count: tests.length },
      lists: lists.listsOf(tests),
    }),
  );
}

/** Tests of one reason. */
type Group = Pick<Absence, 'kind' | 'reason'> & { items: Item[] };

/** The groups of each kind as one. */
function joined(groups: readonly Group[]): Group[] {
  return ORDER.flatMap((kind) => {
    const ofKind = groups.filter((group) => group.kind === kind);
    const reason = `${ofKind.length.toLocaleString('en-US')} other reasons, which are in the record`;
    return ofKind.length > 0 ? [{ kind, reason, items: ofKind.flatMap(({ items }) => items) }] : [];
  });
}
