import type { RunRecord } from '../../lab/model/run.ts';
import { type ChangeGroup, ChangeViews } from './change-view.ts';
import { itemsOf } from './changes.ts';
import { CellFinder, type Column, columnsOf } from './columns.ts';
import { type BuildWarning, complaintsOf, type SeenComplaint, warningsOf } from './complaints.ts';
import { type CostGroup, costsOf } from './costs.ts';
import { type Grid, gridOf } from './grid.ts';
import type { PageInput } from './input.ts';
import { type Absence, absencesOf, isAbsent } from './missing.ts';
import { type CellList, NameLists } from './name-lists.ts';
import { clip, Room, visibleAll } from './text.ts';
import { unprovenSentences, type Verdict, verdictsOf } from './verdict.ts';

/** Everything that the page shows, in its order. */
export interface PageModel {
  record: RunRecord;
  /** The run and those that it is compared with. */
  records: readonly RunRecord[];
  title: string;
  /** Ids of the runs that it is compared with. */
  against: readonly string[];
  verdicts: readonly Verdict[];
  unproven: readonly string[];
  changesTitle: string;
  columns: readonly Column[];
  changes: readonly ChangeGroup[];
  unchanged: readonly CellList[];
  absences: readonly Absence[];
  costs: readonly CostGroup[];
  grid: Grid;
  complaints: readonly SeenComplaint[];
  warnings: readonly BuildWarning[];
  /** Room for logs that is left to the sections that follow. */
  room: Room;
}

/** Bytes of all excerpts of logs on a page: together with the names of 5,000 tests it stays below 2 MB. */
const EVIDENCE_BYTES = 400_000;

/** Makes what the page shows. No string in it has an unsafe character. */
export function modelOf(given: PageInput): PageModel {
  const { folder, against: runs = [], ...data } = given;
  const input: PageInput = {
    ...visibleAll(data),
    folder,
    against: runs.map((run) => ({
      ...visibleAll({ record: run.record, comparison: run.comparison }),
      folder: run.folder,
    })),
  };
  const { record, against = [] } = input;
  const columns = columnsOf(input);
  const items = itemsOf(columns);
  const cells = new CellFinder();
  const costs = costsOf(columns, cells);
  const room = new Room(EVIDENCE_BYTES);
  const lists = new NameLists({ columns: columns.length, tests: items.length });
  const views = new ChangeViews({ cells, room, lists });
  const isCompared = columns.some(({ comparison }) => comparison);
  return {
    ...{ record, columns, costs, room },
    records: [record, ...new Set(against.map((run) => run.record))],
    title: clip(record.series?.title ?? `Run ${record.id}`, 300),
    against: against.map((run) => run.record.id),
    verdicts: verdictsOf(input, columns, items, costs),
    unproven: unprovenSentences(columns, input),
    changesTitle: isCompared ? 'Changes' : 'Failures',
    changes: views.groupsOf(items),
    absences: absencesOf(items, lists),
    unchanged: lists.listsOf(items.filter((item) => item.kind === 'same' && !isAbsent(item))),
    grid: gridOf(columns),
    complaints: complaintsOf(columns),
    warnings: warningsOf(columns),
  };
}
