import { unprovenOf } from '../lab/model/evidence.ts';
import type { Unproven } from '../lab/model/unproven.ts';
import { oneLine } from './escape.ts';
import type { ReportInput } from './input.ts';

/** What a report must say first: of its comparison, or of the run where it has none. */
export const unprovenIn = ({ record, comparison }: ReportInput): readonly Unproven[] =>
  comparison ? (comparison.unproven ?? []) : unprovenOf(record);

const tests = (count: number) => `${count} ${count === 1 ? 'test' : 'tests'}`;

/** Most cells that are named; the lists of a report have all. */
const NAMED = 4;

function named(subjects: readonly string[]): string {
  const names = subjects.slice(0, NAMED).join(', ');
  return subjects.length > NAMED ? `${names} and ${subjects.length - NAMED} more` : names;
}

const because = (reason: string | undefined) => (reason === undefined ? '' : `: ${reason}`);

/** One sentence: what is not proven, and which option allows it where one does. */
export function unprovenWords({ code, subjects, count, reason }: Unproven): string {
  const where = named(subjects);
  switch (code) {
    case 'kernel-failed':
      return `nothing was tested on ${where}${because(reason)}`;
    case 'not-selected':
      return `no test ran on ${where}${because(reason)}`;
    case 'no-test':
      return where === '' ? 'no kernel was tested' : `no test gave a result on ${where}`;
    case 'all-skipped':
      return `every test was skipped on ${where} (${count}; --allow-skips allows it)${because(reason)}`;
    case 'all-lost':
      return `no test of ${count} gave a result on ${where}${because(reason)}`;
    case 'none-passed':
      return `no test passes on ${where}: ${tests(count)} failed, on the base too`;
    case 'skipped':
      return `${tests(count)} that ran on the base ${count === 1 ? 'is' : 'are'} skipped or expected to fail now, in ${where} (--allow-skips allows it)${because(reason)}`;
    case 'gone':
      return `${tests(count)} of the base ${count === 1 ? 'is' : 'are'} gone, in ${where} (--allow-gone allows it)`;
    case 'nothing-compared':
      return 'nothing was compared: the two runs have no test in common';
    case 'no-figure':
      return `nothing was measured on ${where}`;
    case 'figures-gone':
      return `${count} ${count === 1 ? 'figure' : 'figures'} of the base ${count === 1 ? 'is' : 'are'} gone, in ${where} (--allow-gone allows it)`;
  }
}

/** All of `unprovenIn` as sentences of one line each. */
export const unprovenLines = (input: ReportInput): string[] =>
  unprovenIn(input).map((entry) => oneLine(unprovenWords(entry), 1000));
