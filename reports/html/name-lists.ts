import type { Item } from './changes.ts';
import type { Place } from './columns.ts';
import { clip } from './text.ts';

/** Tests of a cell by name, without evidence. */
export interface CellList {
  place: Place;
  where: string;
  /** Names by their verdicts; `more`: how many names are left out. */
  groups: { words: string; names: string[]; more: number }[];
}

/** Bytes of the names of a page, and of one name. */
const NAMES_BYTES = 900_000;
const NAME_BYTES = { least: 60, most: 500 };
/** Names that a page lists at all: with more, a name would be too short to be told from others. */
const LISTED = 12_000;

/** Guest and suite for people, with the kernel in front where the page has several. */
export const whereOf = ({ column, guest, suite }: Place, severalColumns: boolean): string =>
  clip(`${severalColumns ? `${column.name} / ` : ''}${guest} / ${suite}`, 200);

const wordsOf = ({ base, patched }: Item): string =>
  base === undefined || base === patched
    ? `${patched}`
    : patched === undefined
      ? `${base} on base`
      : `${base} → ${patched}`;

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return [...groups.values()];
}

/** The lists of names of a page, which share its room. */
export class NameLists {
  readonly severalColumns: boolean;
  readonly #nameBytes: number;
  #left = LISTED;

  constructor(page: { columns: number; tests: number }) {
    this.severalColumns = page.columns > 1;
    const share = Math.floor(NAMES_BYTES / Math.max(1, page.tests));
    this.#nameBytes = Math.max(NAME_BYTES.least, Math.min(NAME_BYTES.most, share));
  }

  /** A name as all lists show it. */
  nameOf({ name }: Pick<Item, 'name'>): string {
    return clip(name, this.#nameBytes);
  }

  /** The names of these tests by cell. */
  listsOf(items: readonly Item[]): CellList[] {
    const cells = groupedBy(items, ({ place: { column, guest, suite } }) =>
      JSON.stringify([column.index, guest, suite]),
    );
    return cells.flatMap((tests) =>
      tests.slice(0, 1).map(({ place }) => ({
        place,
        where: whereOf(place, this.severalColumns),
        groups: groupedBy(tests, wordsOf).map((group) => this.#groupOf(group)),
      })),
    );
  }

  #groupOf(tests: readonly Item[]): CellList['groups'][number] {
    const shown = tests.slice(0, this.#left);
    this.#left -= shown.length;
    const words = tests.slice(0, 1).map(wordsOf).join('');
    return { words, names: shown.map((item) => this.nameOf(item)), more: tests.length - shown.length };
  }
}

/** How many tests a list has. */
export const sizeOf = ({ groups }: Pick<CellList, 'groups'>): number =>
  groups.reduce((sum, { names, more }) => sum + names.length + more, 0);
