import type { Outcome } from './outcome.ts';

/*
 * Tables of the store, as kysely's types: the same in SQLite and PostgreSQL. Only types that both have are used: text, integer and double
 * precision. Rows that are made from run folders can be made again; `notes` cannot.
 */

export interface RunsTable {
  /** Identity of a run on any machine: hash of its id, start and seed. */
  key: string;
  id: string;
  /** ISO 8601, UTC: sorts by age. */
  started_at: string;
  seconds: number;
  ringlab: string;
  /** `ended`, `interrupted`, or `unfinished`: it works, or was killed. */
  state: 'ended' | 'interrupted' | 'unfinished';
  exit_code: number;
  /** Id of the series; null for a run without one. */
  series: string | null;
  /** Hash of the record and of how rows are made from it. */
  digest: string;
  /** Folder of the record on the machine that imported it. */
  folder: string;
}

export interface KernelsTable {
  run: string;
  /** Id in the run's record. */
  id: string;
  name: string;
  side: 'base' | 'patched';
  /** Id of the kernel that it was made from. */
  base: string | null;
  build_key: string | null;
  release: string | null;
  /** Name of the source that it was made from, without a commit: the same for each night's tree. */
  source: string;
  /** Id of the series that it has; null for a base. */
  series: string | null;
  /** Why it was not built. */
  failure: string | null;
}

export interface TestsTable {
  /** Hash of the other fields: the same test has the same id in every store. */
  id: string;
  profile: string;
  suite: string;
  name: string;
}

export interface ResultsTable {
  run: string;
  kernel: string;
  test: string;
  verdict: string;
  outcome: Outcome;
  /** How often it failed, of how many boots that gave an outcome. */
  failed: number;
  runs: number;
  /** Content key of what was pushed into the guest: another suite is another test. Empty where the record has none. */
  payload: string;
  reason: string | null;
}

export interface RerunsTable {
  run: string;
  kernel: string;
  test: string;
  failed: number;
  runs: number;
}

export interface FiguresTable {
  run: string;
  kernel: string;
  /** As a test's: `metrics` are named in `tests` too. */
  test: string;
  value: number;
  unit: string;
  better: 'lower' | 'higher' | 'none';
  /** Share of the figure by which boots of one kernel usually differ; null: the usual share. */
  noise: number | null;
}

export interface SeriesTable {
  id: string;
  /** Equal for the versions of one series. */
  lineage: string;
  name: string;
  title: string;
  /** Null where the record does not say. */
  version: number | null;
  change_id: string | null;
  /** JSON: `{ subject, patchId? }[]` (`PatchMark`). */
  patches: string;
  /** JSON: the `Series`; null where the run's folder has none. */
  content: string | null;
}

export interface NotesTable {
  id: string;
  /** Where it holds; null: everywhere. */
  profile: string | null;
  suite: string | null;
  /** Name of the test. */
  name: string;
  kind: 'invalid' | 'known' | 'unrelated' | 'ignored';
  reason: string;
  /** The series whose versions it is about; null: all. */
  lineage: string | null;
  created_at: string;
}

/** The database of a history. */
export interface Tables {
  runs: RunsTable;
  kernels: KernelsTable;
  tests: TestsTable;
  results: ResultsTable;
  reruns: RerunsTable;
  figures: FiguresTable;
  series: SeriesTable;
  notes: NotesTable;
}
