import { isFlaky, type TestChange } from '../../lab/model/compare.ts';
import { type ConfirmOutcome, confirmWords } from '../../lab/model/confirm.ts';
import type { TestClass } from '../../lab/model/protocol.ts';
import { isMixed, type Rate, rateWords } from '../../lab/model/rate.ts';
import { isFailure, type Verdict } from '../../lab/model/verdict.ts';
import { type Column, columnFinder, type Place } from './columns.ts';

/** The kinds of change in the order of the page. */
export const KINDS = ['regressed', 'failing', 'failed', 'fixed', 'new', 'gone', 'flaky', 'changed'] as const;

/**
 * What the page says of a test. `failing`: a new test that fails. `failed`: it fails, and nothing is compared. `flaky`: both outcomes
 * were seen on one kernel. `missing`: its result did not arrive. `same`: nothing relevant changed.
 */
export type Kind = (typeof KINDS)[number] | 'missing' | 'same';

/** A test of the page. */
export interface Item {
  kind: Kind;
  place: Place;
  name: string;
  base?: Verdict;
  patched?: Verdict;
  class?: TestClass;
  reason?: string;
  /** What repeats and reruns say: `fails 3 of 3, on base 0 of 3`. */
  confirmed?: string;
  /** What the reruns of a regressed test say. */
  outcome?: ConfirmOutcome;
}

type Row = Pick<TestChange, 'change' | 'base' | 'patched' | 'confirmation' | 'rates'>;

const isUncertain = ({ rates }: Row): boolean =>
  [rates?.base, rates?.patched].some((rate) => rate !== undefined && isMixed(rate));

/** The kind of a compared test. */
export function kindOf(row: TestChange): Kind {
  const { change, patched } = row;
  if (patched === 'lost') return 'missing';
  if (change === 'regressed') return isFlaky(row) ? 'flaky' : 'regressed';
  if (change === 'new')
    return patched && isFailure(patched) ? 'failing' : patched === 'skip' ? 'same' : 'new';
  if ((change === 'same' || change === 'changed') && isUncertain(row)) return 'flaky';
  return change;
}

const repeatWords = (patched: Rate | undefined, base: Rate | undefined): string | undefined => {
  if (!patched?.failed && !base?.failed) return undefined;
  const words = [patched && rateWords(patched), base && `on base ${rateWords(base)}`];
  return `fails ${words.filter((word) => word !== undefined).join(', ')}`;
};

function confirmedBy({ confirmation, rates }: Row): Pick<Item, 'confirmed' | 'outcome'> {
  if (confirmation) return { confirmed: confirmWords(confirmation), outcome: confirmation.outcome };
  const words = repeatWords(rates?.patched, rates?.base);
  return words === undefined ? {} : { confirmed: words };
}

function comparedItems(columns: readonly Column[]): Item[] {
  const comparisons = new Set(columns.flatMap(({ comparison }) => comparison ?? []));
  return [...comparisons].flatMap((comparison) => {
    const columnOf = columnFinder(columns, comparison);
    return comparison.tests.flatMap((row): Item[] => {
      const column = columnOf(row);
      if (!column) return [];
      const { name, base, patched, class: of, reason, profile: guest, suite } = row;
      return [
        {
          ...{ kind: kindOf(row), place: { column, guest, suite }, name },
          ...(base ? { base } : {}),
          ...(patched ? { patched } : {}),
          ...(of ? { class: of } : {}),
          ...(reason === undefined ? {} : { reason }),
          ...confirmedBy(row),
        },
      ];
    });
  });
}

function singleItems(column: Column): Item[] {
  const { record, kernel } = column.patched ?? {};
  const cells = record?.cells.filter((cell) => cell.kernel === kernel?.id) ?? [];
  return cells.flatMap(({ profile: guest, suite, tests }) =>
    tests.map(({ name, verdict, class: of, reason, rate }): Item => {
      const kind =
        verdict === 'lost'
          ? 'missing'
          : rate && isMixed(rate)
            ? 'flaky'
            : isFailure(verdict)
              ? 'failed'
              : 'same';
      const words = repeatWords(rate, undefined);
      return {
        ...{ kind, place: { column, guest, suite }, name, patched: verdict },
        ...(of ? { class: of } : {}),
        ...(reason === undefined ? {} : { reason }),
        ...(words === undefined ? {} : { confirmed: words }),
      };
    }),
  );
}

/** Every test of the page. */
export const itemsOf = (columns: readonly Column[]): Item[] => [
  ...comparedItems(columns),
  ...columns.filter(({ comparison }) => !comparison).flatMap(singleItems),
];
