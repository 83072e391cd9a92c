import { z } from 'zod';
import { Side } from './cell.ts';
import { Rate } from './rate.ts';
import { Verdict } from './verdict.ts';

const count = z.number().int().min(0);

/** What a test became between two histories; a test that has not changed has no class. */
export const HistoryClass = z.enum([
  'regression',
  'fixed',
  'new-failure',
  'still-failing',
  'new-pass',
  'appeared',
  'disappeared',
]);
export type HistoryClass = z.infer<typeof HistoryClass>;

/** A version of a series. */
export const SeriesVersion = z.object({
  id: z.string(),
  name: z.string(),
  title: z.string(),
  /** Absent where the run's folder does not say. */
  version: z.number().int().optional(),
});
export type SeriesVersion = z.infer<typeof SeriesVersion>;

/** `my-series v2`, with the first digits of its id: a series that is being written changes under one version. */
export const versionWords = ({ name, version, id }: SeriesVersion): string =>
  `${name}${version === undefined ? '' : ` v${version}`} (${id.slice(0, 8)})`;

/** A run of the history. */
export const HistoryRun = z.object({
  id: z.string(),
  startedAt: z.string(),
  seconds: z.number(),
  state: z.enum(['ended', 'interrupted', 'unfinished']),
  /** Exit code of `ringlab report` for it. */
  exitCode: z.number().int(),
  series: SeriesVersion.optional(),
  kernels: z.array(
    z.object({
      name: z.string(),
      side: Side,
      release: z.string().optional(),
      failure: z.string().optional(),
      passed: count,
      failed: count,
      /** Skipped, expected to fail, or cut off. */
      other: count,
    }),
  ),
  folder: z.string().describe('Where its record was when it was imported.'),
});
export type HistoryRun = z.infer<typeof HistoryRun>;

/** Why a failure is not to be looked at again. `ignored`: it does not count; the others explain it. */
export const NoteKind = z.enum(['invalid', 'known', 'unrelated', 'ignored']);
export type NoteKind = z.infer<typeof NoteKind>;

/** What a person found out about a test. */
export const TriageNote = z.object({
  id: z.string(),
  test: z.string(),
  /** Where it holds; absent: on every guest profile, in every suite, for every series. */
  profile: z.string().optional(),
  suite: z.string().optional(),
  series: z.string().optional().describe('Title of the series whose versions it is about.'),
  kind: NoteKind,
  reason: z.string(),
  createdAt: z.string(),
});
export type TriageNote = z.infer<typeof TriageNote>;

/** Where a test of the history is. */
const Place = z.object({ profile: z.string(), suite: z.string(), name: z.string() });

/** The run, kernel and version of a series that a result is of. */
export const HistoryPoint = z.object({
  run: z.string(),
  startedAt: z.string(),
  kernel: z.string(),
  side: Side,
  release: z.string().optional(),
  buildKey: z.string().optional(),
  series: SeriesVersion.optional(),
});
export type HistoryPoint = z.infer<typeof HistoryPoint>;

/** What a timeline is of. */
const Track = Place.extend({
  /** Source of the kernels, without a commit. */
  source: z.string(),
  /** Title of the series that the kernels have; absent for kernels without one. */
  series: z.string().optional(),
});

export const TestPoint = HistoryPoint.extend({
  verdict: Verdict,
  outcome: z.enum(['pass', 'fail', 'none']),
  reason: z.string().optional(),
  /** How often it failed in this run, reruns included. */
  rate: Rate,
});
export type TestPoint = z.infer<typeof TestPoint>;

/** A test over the runs of one source, with or without a series. */
export const TestHistory = Track.extend({
  rate: Rate,
  streak: z.object({ outcome: z.enum(['pass', 'fail']), runs: count }).optional(),
  flips: count.describe('How often the outcome changed from run to run.'),
  flaky: z
    .boolean()
    .describe('Both outcomes were seen with one build of the kernel and one build of the suite.'),
  failsSince: TestPoint.optional().describe('Of a test that fails: the first run of the streak.'),
  passedLast: TestPoint.optional().describe('The run before, in which it passed.'),
  notes: z.array(TriageNote),
  /** Set by a note, until 15 passes in a row. */
  ignored: z.boolean(),
  points: z.array(TestPoint).describe('Oldest first.'),
});
export type TestHistory = z.infer<typeof TestHistory>;

export const MetricPoint = HistoryPoint.extend({ value: z.number() });
export type MetricPoint = z.infer<typeof MetricPoint>;

/** A metric over the runs of one source, with or without a series. */
export const MetricHistory = Track.extend({
  unit: z.string(),
  better: z.enum(['lower', 'higher', 'none']),
  /** Share of the value up to which a change is none. */
  noise: z.number(),
  points: z.array(MetricPoint).describe('Oldest first.'),
  changes: z.array(
    z.object({
      index: count.describe('Of the first point that differs.'),
      at: MetricPoint,
      /** Medians up to the change point and from it on. */
      before: z.number(),
      after: z.number(),
      share: z.number().describe('Change as a share of `before`: 0.005 is half a percent more.'),
      verdict: z.enum(['better', 'worse', 'changed']),
    }),
  ),
});
export type MetricHistory = z.infer<typeof MetricHistory>;

/** A test whose outcomes differ on one build. */
export const FlakyTest = Place.extend({
  buildKey: z.string(),
  kernel: z.string(),
  rate: Rate.describe('On this build, reruns included.'),
  lastRun: z.string(),
  notes: z.array(TriageNote),
});
export type FlakyTest = z.infer<typeof FlakyTest>;

export const ClassedTest = Place.extend({
  /** Present where the histories have kernels of several sources. */
  source: z.string().optional(),
  class: HistoryClass,
  before: Verdict.optional(),
  after: Verdict.optional(),
  reason: z.string().optional(),
  /** Both outcomes were seen on one build, in either history. */
  flaky: z.boolean(),
  notes: z.array(TriageNote),
  ignored: z.boolean(),
});
export type ClassedTest = z.infer<typeof ClassedTest>;

/** What is compared: runs, and which of their kernels. */
export const HistorySide = z.object({
  label: z.string(),
  runs: z.array(z.string()).describe('Ids, oldest first.'),
  series: SeriesVersion.optional(),
});
export type HistorySide = z.infer<typeof HistorySide>;

/** What changed between two histories. Ignored tests are in `tests`, but not in `counts`. */
export const HistoryDiff = z.object({
  before: HistorySide,
  after: HistorySide,
  counts: z.record(HistoryClass, count),
  unchanged: count,
  tests: z.array(ClassedTest),
});
export type HistoryDiff = z.infer<typeof HistoryDiff>;

/** A run with what the history says of it. */
export const HistoryShow = z.object({
  run: HistoryRun,
  versions: z.array(SeriesVersion).describe('Of its series, oldest first; empty for a run without one.'),
  failing: z.array(TestHistory.omit({ points: true })).describe('Tests that failed in it.'),
  againstBase: HistoryDiff.optional(),
  againstPrevious: HistoryDiff.optional().describe('Against the version of the series before.'),
});
export type HistoryShow = z.infer<typeof HistoryShow>;
