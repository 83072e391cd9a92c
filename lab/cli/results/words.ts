import type {
  ClassedTest,
  FlakyTest,
  HistoryClass,
  HistoryDiff,
  HistoryPoint,
  HistoryRun,
  HistoryShow,
  MetricHistory,
  TestHistory,
  TriageNote,
} from '../../model/history.ts';
import { versionWords } from '../../model/history.ts';
import { rateWords } from '../../model/rate.ts';
import { oneLine } from '../../model/visible.ts';
import { columns } from '../output.ts';
import { plot, shownValue } from './plot.ts';

/** Classes in words, as headings. */
export const CLASS_WORDS: Record<HistoryClass, string> = {
  regression: 'regressions',
  fixed: 'fixed',
  'new-failure': 'new failures',
  'still-failing': 'still failing',
  'new-pass': 'new passes',
  appeared: 'appeared, without an outcome',
  disappeared: 'disappeared, or without an outcome now',
};

/** A number of things: `1 run`, `3 runs`. */
const counted = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`;

/** One visible line, indented afterwards: `oneLine` trims. */
const indented = (text: string) => `  ${oneLine(text)}`;

const day = (time: string) => time.slice(0, 16).replace('T', ' ');

const placeWords = ({ profile, suite, name }: { profile: string; suite: string; name: string }) =>
  `${profile}/${suite}: ${name}`;

const noteWords = ({ kind, reason }: TriageNote) => `${kind}: ${reason}`;

const pointWords = ({ run, startedAt, kernel, series }: HistoryPoint) =>
  `${run} (${day(startedAt)}, ${kernel}${series ? `, ${versionWords(series)}` : ''})`;

const countWords = ({ passed, failed, other }: HistoryRun['kernels'][number]) =>
  `${passed} passed${failed > 0 ? `, ${failed} failed` : ''}${other > 0 ? `, ${other} other` : ''}`;

const kernelWords = (kernel: HistoryRun['kernels'][number]) =>
  `${kernel.name}: ${kernel.failure ?? countWords(kernel)}`;

/** One line for each run. */
export const listText = (runs: readonly HistoryRun[]): string =>
  columns(
    runs.map(({ id, startedAt, state, exitCode, series, kernels }) => [
      ...[id, day(startedAt), state === 'ended' ? `exit ${exitCode}` : state],
      ...[series ? versionWords(series) : '-', kernels.map(kernelWords).join('; ')],
    ]),
  );

/** What a test's history comes to, in a few lines. */
function summaryLines(test: Omit<TestHistory, 'points'>): string[] {
  const { series, source, rate, streak, flips, failsSince, passedLast, flaky, ignored, notes } = test;
  const now = streak
    ? `${streak.outcome === 'pass' ? 'passes' : 'fails'} ${counted(streak.runs, 'run')} in a row`
    : 'no outcome';
  const track = `on ${source}${series === undefined ? '' : ` with "${series}"`}`;
  const facts = `failed ${rateWords(rate)}, ${now}, ${counted(flips, 'flip')}${flaky ? ', flaky' : ''}`;
  const lines = [
    `${track}: ${facts}`,
    ...(failsSince ? [`fails since ${pointWords(failsSince)}`] : []),
    ...(failsSince ? [`passed last in ${passedLast ? pointWords(passedLast) : 'no run that is known'}`] : []),
    ...notes.map((note) => `note ${note.id} ${noteWords(note)}`),
    ...(ignored ? ['ignored'] : []),
  ];
  return [oneLine(placeWords(test)), ...lines.map(indented)];
}

const MARKS = { pass: '.', fail: 'F', none: '-' } as const;

/** Outcomes of a test, oldest first: `.` pass, `F` failure, `-` none. */
const strip = ({ points }: TestHistory) => points.map(({ outcome }) => MARKS[outcome]).join('');

export const testText = (tests: readonly TestHistory[]): string =>
  tests.map((test) => [...summaryLines(test), `  ${strip(test)}`].join('\n')).join('\n\n');

const percent = (share: number) => `${share > 0 ? '+' : ''}${(share * 100).toFixed(2)}%`;

function metricText(metric: MetricHistory): string {
  const { series, source, unit, points, changes } = metric;
  const head = `${placeWords(metric)}, ${unit}, on ${source}${series === undefined ? '' : ` with "${series}"`}`;
  const values = points.map(({ value }) => value);
  const found = changes.map(({ at, before, after, share, verdict }) =>
    indented(
      `^ ${pointWords(at)}: ${shownValue(before)} to ${shownValue(after)}, ${percent(share)}, ${verdict}`,
    ),
  );
  const marks = changes.map(({ index }) => index);
  return [oneLine(head), ...plot(values, marks), ...(found.length > 0 ? found : ['  no change'])].join('\n');
}

export const metricsText = (metrics: readonly MetricHistory[]): string =>
  metrics.map(metricText).join('\n\n');

export const flakyText = (tests: readonly FlakyTest[]): string =>
  columns(
    tests.map((test) => [
      ...[`failed ${rateWords(test.rate)}`, placeWords(test), `${test.kernel}, last in ${test.lastRun}`],
      test.notes.map(noteWords).join('; '),
    ]),
  );

function classedLine(test: ClassedTest): string {
  const change = `${test.before ?? 'absent'} -> ${test.after ?? 'absent'}`;
  const remarks = [...(test.flaky ? ['flaky'] : []), ...test.notes.map(noteWords)];
  const reason = test.reason === undefined ? '' : `: ${test.reason}`;
  const source = test.source === undefined ? '' : ` on ${test.source}`;
  return indented(
    `${placeWords(test)}${source} (${change})${reason}${remarks.length > 0 ? ` [${remarks.join('; ')}]` : ''}`,
  );
}

/** Classes with their tests; tests that are ignored come last, with their reasons. */
export function diffText({ before, after, tests, counts, unchanged }: HistoryDiff): string {
  const sideWords = ({ label, runs, series }: HistoryDiff['before']) =>
    oneLine(`${label}${series ? `, ${versionWords(series)}` : ''}, ${counted(runs.length, 'run')}`);
  const classes = (Object.keys(CLASS_WORDS) as HistoryClass[]).flatMap((each) => {
    const here = tests.filter((test) => test.class === each && !test.ignored);
    return here.length === 0 ? [] : [`${CLASS_WORDS[each]}: ${counts[each]}`, ...here.map(classedLine)];
  });
  const ignored = tests.filter((test) => test.ignored);
  return [
    `${sideWords(before)} -> ${sideWords(after)}`,
    ...(classes.length > 0 ? classes : ['no change']),
    ...(ignored.length > 0 ? [`ignored: ${ignored.length}`, ...ignored.map(classedLine)] : []),
    `unchanged: ${unchanged}`,
  ].join('\n');
}

/** A run with what the history says of it. */
export function showText({ run, versions, failing, againstBase, againstPrevious }: HistoryShow): string {
  const parts = [
    [
      listText([run]),
      oneLine(`record: ${run.folder}`),
      ...(versions.length > 1 ? [oneLine(`versions: ${versions.map(versionWords).join(', ')}`)] : []),
    ].join('\n'),
    ...failing.map((test) => summaryLines(test).join('\n')),
    ...(againstBase ? [`against the base: ${diffText(againstBase)}`] : []),
    ...(againstPrevious ? [`against the version before: ${diffText(againstPrevious)}`] : []),
  ];
  return parts.join('\n\n');
}

export const notesText = (notes: readonly TriageNote[]): string =>
  columns(
    notes.map(({ id, createdAt, test, profile = '*', suite = '*', series, kind, reason }) => [
      ...[id, day(createdAt), kind, `${profile}/${suite}: ${test}`],
      `${reason}${series === undefined ? '' : ` (series "${series}")`}`,
    ]),
  );
