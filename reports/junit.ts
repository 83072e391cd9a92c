import { create } from 'xmlbuilder2';
import { nameOfCell } from '../lab/model/cell.ts';
import type { TestResult } from '../lab/model/result.ts';
import { type CellRecord, cellsOfSide, kernelOf, type RunRecord, totalMsOf } from '../lab/model/run.ts';
import { visible } from './escape.ts';
import type { ReportInput } from './input.ts';

type Node = ReturnType<typeof create>;

interface Case {
  name: string;
  seconds?: number;
  outcome?: { tag: 'failure' | 'error' | 'skipped'; type: string; message: string; text: string };
}

function caseOf({ name, verdict, reason = '', detail = '', durationMs }: TestResult): Case {
  const time = durationMs === undefined ? {} : { seconds: durationMs / 1000 };
  if (verdict === 'pass') return { name, ...time };
  const outcome = (tag: 'failure' | 'error' | 'skipped', message: string): Case => ({
    ...{ name, ...time },
    outcome: { tag, type: verdict, message, text: detail },
  });
  if (verdict === 'skip') return outcome('skipped', reason);
  if (verdict === 'todo') return outcome('skipped', `expected failure${reason && `: ${reason}`}`);
  return outcome(verdict === 'lost' ? 'error' : 'failure', reason || verdict);
}

/** What the cell says besides its tests: that it broke, or what its kernel complained of. */
function extraCases(cell: CellRecord): Case[] {
  const cases: Case[] = [];
  if (cell.verdict !== 'done') {
    const { verdict, reason = '', detail = '' } = cell;
    cases.push({
      name: '(cell)',
      outcome: { tag: 'error', type: verdict, message: reason || verdict, text: detail },
    });
  }
  for (const { title, text, fatal } of cell.complaints) {
    if (!fatal) continue;
    const outcome = { tag: 'failure' as const, type: 'complaint', message: title, text };
    cases.push({ name: `(kernel) ${title}`, outcome });
  }
  return cases;
}

/** Failures of a base kernel are what the series is there fix: a reader of the patched side must not turn red by them. */
function asBase(test: Case): Case {
  if (!test.outcome || test.outcome.tag === 'skipped') return test;
  const { type, message } = test.outcome;
  return { ...test, outcome: { ...test.outcome, tag: 'skipped', message: `on base: ${type}: ${message}` } };
}

function addCase(suite: Node, className: string, { name, seconds, outcome }: Case): void {
  const time = seconds === undefined ? {} : { time: seconds.toFixed(3) };
  const node = suite.ele('testcase', { classname: visible(className), name: visible(name), ...time });
  if (!outcome) return;
  const { tag, type, message, text } = outcome;
  const child = node.ele(tag, { ...(tag === 'skipped' ? {} : { type }), message: visible(message) });
  if (text && tag !== 'skipped') child.txt(visible(text));
}

function addSuite(root: Node, cell: CellRecord, record: RunRecord, comparing: boolean): void {
  const { side, name: kernel } = kernelOf(record, cell);
  const { profile: guest, suite: suiteName, verdict } = cell;
  const cellName = nameOfCell({ kernel, profile: guest, suite: suiteName });
  const found = [...cell.tests.map(caseOf), ...extraCases(cell)];
  const cases = comparing && side === 'base' ? found.map(asBase) : found;
  const count = (tag: string) => String(cases.filter((test) => test.outcome?.tag === tag).length);
  const suite = root.ele('testsuite', {
    name: visible(cellName),
    tests: String(cases.length),
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    time: (totalMsOf(cell) / 1000).toFixed(3),
  });
  const properties = suite.ele('properties');
  for (const [key, value] of Object.entries({ side, kernel, guest, suite: suiteName, verdict })) {
    properties.ele('property', { name: key, value: visible(value) });
  }
  for (const test of cases) addCase(suite, cellName, test);
}

/** A kernel that could not be made and so has no cell to say it. */
function addKernel(
  root: Node,
  { id, name, failure }: RunRecord['kernels'][number],
  { cells }: RunRecord,
): void {
  if (!failure || cells.some((cell) => cell.kernel === id)) return;
  const suite = root.ele('testsuite', {
    name: visible(name),
    tests: '1',
    failures: '0',
    errors: '1',
    skipped: '0',
  });
  const { verdict: type, message, detail: text } = failure;
  addCase(suite, name, { name: '(kernel)', outcome: { tag: 'error', type, message, text } });
}

/**
 * JUnit XML: one test suite per cell, base and patched apart, told by the property `side`. Where the run compares, failures of
 * the base are written as skipped (`on base: fail: ...`), so that what a CI counts is the patched side alone. A lost test and
 * a broken cell are errors, any other failure a failure with its verdict as the type.
 */
export function renderJunit({ record }: ReportInput): string {
  const document = create({ version: '1.0', encoding: 'UTF-8', invalidCharReplacement: '\ufffd' });
  const root = document.ele('testsuites', { name: visible(record.id), time: record.seconds.toFixed(3) });
  const comparing = cellsOfSide(record, 'patched').length > 0;
  for (const cell of record.cells) addSuite(root, cell, record, comparing);
  for (const failed of record.kernels) addKernel(root, failed, record);
  return `${document.end({ prettyPrint: true })}\n`;
}
