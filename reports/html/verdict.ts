import { unprovenOf } from '../../lab/model/evidence.ts';
import { unprovenWords } from '../unproven.ts';
import { mutantOutcome } from '../view.ts';
import type { Item, Kind } from './changes.ts';
import type { Column } from './columns.ts';
import { type CostGroup, directionsOf, ENOUGH_BOOTS, withFewBoots } from './costs.ts';
import type { PageInput } from './input.ts';
import { signedPercent } from './percent.ts';
import { counted } from './text.ts';

/** How bad it is. `unproven`: nothing failed, and the evidence is not enough. */
export type Tone = 'bad' | 'unproven' | 'flaky' | 'good';

/** What a column shows, in one sentence. */
export interface Verdict {
  column?: Column;
  tone: Tone;
  /** The sentence in two parts: what it does, and how certain that is. A semicolon is between them, a full stop at the end. */
  effect: string;
  rest: string;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(parts: readonly string[]): string {
  const last = parts.at(-1) ?? '';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
}

const countOf = (items: readonly Item[], ...kinds: Kind[]) =>
  items.filter(({ kind }) => kinds.includes(kind)).length;

function costEffects(groups: readonly CostGroup[]): string[] {
  const costs = groups.filter(({ better }) => better !== 'none').flatMap((group) => group.costs);
  const words = { better: 'improves', worse: 'worsens' };
  return directionsOf(costs).map(
    ({ verdict, count, most }) =>
      `${words[verdict]} ${count} of ${counted(costs.length, 'cost')} (by up to ${signedPercent(most)})`,
  );
}

/** What the column changes, most important first. */
function effects(
  { comparison, patched }: Column,
  items: readonly Item[],
  groups: readonly CostGroup[],
): string[] {
  const complaints = comparison?.newComplaints.filter(({ kernel }) => kernel === patched?.kernel.id) ?? [];
  const signatures = new Set(complaints.map(({ signature }) => signature));
  const fatal = new Set(complaints.filter((each) => each.fatal).map(({ signature }) => signature)).size;
  const warnings = (comparison?.newWarnings ?? []).filter((text) => patched?.kernel.warnings.includes(text));
  const parts: [count: number, words: string][] = [
    [countOf(items, 'regressed'), `breaks ${counted(countOf(items, 'regressed'), 'test')}`],
    [countOf(items, 'failing'), `adds ${counted(countOf(items, 'failing'), 'failing test')}`],
    [countOf(items, 'failed'), `fails ${counted(countOf(items, 'failed'), 'test')}`],
    [countOf(items, 'fixed'), `fixes ${counted(countOf(items, 'fixed'), 'test')}`],
    [countOf(items, 'new'), `adds ${counted(countOf(items, 'new'), 'passing test')}`],
    [countOf(items, 'gone'), `loses ${counted(countOf(items, 'gone'), 'test')}`],
    [countOf(items, 'flaky'), `leaves ${counted(countOf(items, 'flaky'), 'test')} flaky`],
    [fatal, `causes ${counted(fatal, 'fatal kernel complaint')}`],
    [signatures.size - fatal, `causes ${counted(signatures.size - fatal, 'other kernel complaint')}`],
    [warnings.length, `adds ${counted(warnings.length, 'compiler warning')}`],
  ];
  return [...parts.filter(([count]) => count > 0).map(([, words]) => words), ...costEffects(groups)];
}

/** How certain it is: what reruns and boots say. */
function certainty(items: readonly Item[], groups: readonly CostGroup[]): string[] {
  const regressed = items.filter(({ kind }) => kind === 'regressed');
  const confirmed = regressed.filter(({ outcome }) => outcome === 'fails').length;
  const after = regressed.filter(({ outcome }) => outcome === 'after-others').length;
  const costs = groups.flatMap((group) => group.costs);
  const all = regressed.length === 1 ? 'the regression' : 'every regression';
  return [
    ...(regressed.length === 0
      ? []
      : confirmed === regressed.length
        ? [`${all} failed in each rerun and never on the base`]
        : confirmed === 0
          ? ['no regression is confirmed by reruns']
          : [`reruns confirm ${confirmed} of ${counted(regressed.length, 'regression')}`]),
    ...(after > 0 ? [`${counted(after, 'test')} failed only after others`] : []),
    ...(withFewBoots(costs).length > 0 ? [`figures rest on fewer than ${ENOUGH_BOOTS} boots`] : []),
  ];
}

/** What was not tested. */
function gaps({ comparison, patched }: Column, items: readonly Item[]): string[] {
  const missing = countOf(items, 'missing');
  const skipped = items.filter((item) => item.patched === 'skip').length;
  const broken =
    comparison?.brokenCells.filter(({ side, kernel }) => side === 'patched' && kernel === patched?.kernel.id)
      .length ?? 0;
  const absent = [
    ...(missing > 0 ? [`${counted(missing, 'result')} missing`] : []),
    ...(skipped > 0 ? [`${counted(skipped, 'test')} skipped`] : []),
    ...(broken > 0 ? [`${counted(broken, 'cell')} cut short`] : []),
  ];
  return [`not tested: ${listed([...absent, 'coverage of the patched lines'])}`];
}

function toneOf(column: Column, items: readonly Item[], isUnproven: boolean): Tone {
  const { comparison, patched } = column;
  const id = patched?.kernel.id;
  const isBad =
    countOf(items, 'regressed', 'failing', 'failed', 'missing') > 0 ||
    comparison?.newComplaints.some(({ fatal, kernel }) => fatal && kernel === id) ||
    comparison?.brokenCells.some(({ side, kernel }) => side === 'patched' && kernel === id) ||
    patched?.kernel.failure !== undefined;
  if (isBad) return 'bad';
  if (isUnproven) return 'unproven';
  return countOf(items, 'flaky') > 0 ? 'flaky' : 'good';
}

function columnVerdict(
  column: Column,
  items: readonly Item[],
  groups: readonly CostGroup[],
  subject: string,
): Verdict {
  const { comparison, patched } = column;
  const unproven = comparison?.unproven ?? (patched && !comparison ? unprovenOf(patched.record) : []);
  const tone = toneOf(column, items, unproven.length > 0);
  const passed = items.filter((item) => item.patched === 'pass').length;
  const parts = effects(column, items, groups);
  const failure = patched?.kernel.failure;
  const effect = failure
    ? `could not be tested (${failure.verdict}: ${failure.message})`
    : parts.length > 0
      ? listed(parts)
      : comparison
        ? 'changes nothing relevant'
        : 'passes';
  const rest = [
    `${counted(passed, 'test')} ${passed === 1 ? 'passes' : 'pass'}`,
    ...certainty(items, groups),
  ];
  return { column, tone, effect: `${subject} ${effect}`, rest: [...rest, ...gaps(column, items)].join('; ') };
}

function mutantsVerdict({ record }: PageInput): Verdict {
  const outcomes = (record.mutants ?? []).map(mutantOutcome);
  const count = (outcome: string) => outcomes.filter((each) => each === outcome).length;
  const [survived, broken] = [count('survived'), count('broken')];
  return {
    tone: survived + broken > 0 || outcomes.length === 0 ? 'bad' : 'good',
    effect: `The suites noticed ${count('killed')} of ${counted(outcomes.length, 'planted fault')}`,
    rest: `${survived} survived, ${broken} could not be tried`,
  };
}

/** The sentences that a page begins with: one for each column. */
export function verdictsOf(
  input: PageInput,
  columns: readonly Column[],
  items: readonly Item[],
  groups: readonly CostGroup[],
): Verdict[] {
  if (input.record.mutants) return [mutantsVerdict(input)];
  const ofColumn =
    (column: Column) =>
    <T extends { place: { column: Column } }>(all: readonly T[]) =>
      all.filter(({ place }) => place.column === column);
  return columns.map((column) => {
    const select = ofColumn(column);
    const isAlone = columns.length === 1;
    const subject = isAlone ? (input.record.series ? 'The series' : `${column.name}`) : column.name;
    return columnVerdict(column, select(items), select(groups), subject);
  });
}

/** What the page does not prove, in words. */
export const unprovenSentences = (columns: readonly Column[], input: PageInput): string[] => [
  ...new Set(
    columns.some(({ comparison }) => comparison)
      ? columns.flatMap(({ comparison }) => comparison?.unproven?.map(unprovenWords) ?? [])
      : unprovenOf(input.record).map(unprovenWords),
  ),
];
