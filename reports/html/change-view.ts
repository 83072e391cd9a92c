import { type Item, KINDS, type Kind } from './changes.ts';
import type { CellFinder } from './columns.ts';
import { type Difference, differenceOf, restOf } from './difference.ts';
import { type Trail, trailOf } from './links.ts';
import { type CellList, type NameLists, whereOf } from './name-lists.ts';
import { clip, type Excerpt, pageBytes, type Room } from './text.ts';

/** A change with its evidence. */
export interface ChangeView extends Item {
  where: string;
  difference?: Difference;
  evidence?: { title: string; excerpt: Excerpt };
  trail?: Trail;
}

/** The changes of a kind: the first ones with their evidence, the others by name. */
export interface ChangeGroup {
  kind: Kind;
  count: number;
  changes: ChangeView[];
  rest: CellList[];
}

/** Lines of a console or of diagnostics that a change shows. */
const EVIDENCE_LINES = 24;
/** Changes of a page that are shown with their evidence. */
const FULL = 300;
/** Bytes of a reason or a value, while there is room and after that. */
const VALUE_BYTES = { most: 1200, least: 160 };

/** Makes the changes of a page, with as much evidence as there is room for. */
export class ChangeViews {
  readonly #cells: CellFinder;
  readonly #room: Room;
  readonly #lists: NameLists;
  #left = FULL;

  constructor(page: { cells: CellFinder; room: Room; lists: NameLists }) {
    this.#cells = page.cells;
    this.#room = page.room;
    this.#lists = page.lists;
  }

  /** The changes among the tests of a page, by kind. */
  groupsOf(items: readonly Item[]): ChangeGroup[] {
    return KINDS.flatMap((kind) => {
      const ofKind = items.filter((item) => item.kind === kind);
      if (ofKind.length === 0) return [];
      const full = ofKind.slice(0, this.#left);
      this.#left -= full.length;
      const rest = this.#lists.listsOf(ofKind.slice(full.length));
      return [{ kind, count: ofKind.length, changes: full.map((item) => this.#viewOf(item)), rest }];
    });
  }

  /** A text that is cut to what there is room for. */
  #value(text: string): string {
    const cut = clip(text, VALUE_BYTES.most);
    return this.#room.take(pageBytes(cut)) ? cut : clip(text, VALUE_BYTES.least);
  }

  #viewOf(item: Item): ChangeView {
    const { reason: _reason, ...rest } = item;
    return {
      ...rest,
      name: this.#lists.nameOf(item),
      where: whereOf(item.place, this.#lists.severalColumns),
      ...this.#evidence(item),
      ...this.#trail(item),
    };
  }

  /** What the failing side shows: of a fixed or a lost test that is the base. */
  #evidence({ place, name, kind, patched, reason }: Item): Partial<ChangeView> {
    const cell = this.#cells.at(place, patched !== undefined && kind !== 'fixed' ? 'patched' : 'base');
    const detail = cell?.tests.find((test) => test.name === name)?.detail;
    const complaint = cell?.complaints.find(({ text }) => text === detail);
    const difference = complaint ? undefined : differenceOf(reason, detail);
    const excerpt = this.#room.excerpt(difference && detail ? restOf(detail) : detail, EVIDENCE_LINES);
    const title = complaint
      ? `Console, line ${complaint.line}: ${clip(complaint.title, 200)}`
      : 'Diagnostics';
    // The title of the excerpt says it too.
    const isSaid = reason === undefined || (excerpt !== undefined && complaint?.title === reason);
    return {
      ...(isSaid ? {} : { reason: this.#value(reason) }),
      ...(difference ? { difference: this.#clipped(difference) } : {}),
      ...(excerpt ? { evidence: { title, excerpt } } : {}),
    };
  }

  #clipped({ quantity, expected, got }: Difference): Difference {
    return {
      ...(quantity === undefined ? {} : { quantity: this.#value(quantity) }),
      expected: this.#value(expected),
      got: this.#value(got),
    };
  }

  #trail({ place, name }: Item): Pick<ChangeView, 'trail'> {
    for (const which of ['patched', 'base'] as const) {
      const side = place.column[which];
      const cell = this.#cells.at(place, which);
      if (side && cell) return { trail: trailOf(side, cell, place, name) };
    }
    return {};
  }
}
