import { create } from 'xmlbuilder2';
import { nameOfCell } from '../lab/model/cell.ts';
import { type Comparison, isFlaky, type TestChange } from '../lab/model/compare.ts';
import { confirmWords } from '../lab/model/confirm.ts';
import { isMixed, rateWords } from '../lab/model/rate.ts';
import type { TestResult } from '../lab/model/result.ts';
import { type CellRecord, cellsOfSide, kernelOf, type RunRecord, totalMsOf } from '../lab/model/run.ts';
import type { CellVerdict } from '../lab/model/verdict.ts';
import { visible } from './escape.ts';
import type { ReportInput } from './input.ts';
import { type Extent, shortened } from './shorten.ts';
import { unprovenIn, unprovenWords } from './unproven.ts';
import { DID_NOT_END, failedKernels, labFailures, mutantOutcome, unsandboxedWords } from './view.ts';

type Node = ReturnType<typeof create>;

/** The type of an error that says nothing about the kernel. */
const LAB_FAILED = 'lab-failed' satisfies CellVerdict;

interface Case {
  name: string;
  seconds?: number;
  /** Of a test: what it reports besides its outcome. */
  remarks?: readonly string[];
  outcome?: { tag: 'failure' | 'error' | 'skipped'; type: string; message: string; text: string };
}

/** What a test reports besides its outcome, one line each. */
const remarksOf = ({ class: of, choices = [], unproven, leftovers = [] }: TestResult): string[] => [
  ...(of ? [`class: ${of}`] : []),
  ...choices.map((item) => `chooses otherwise: ${item}`),
  ...(unproven === undefined ? [] : [`lacks evidence: ${unproven}`]),
  ...leftovers.map((item) => `left behind: ${item}`),
];

function caseOf(test: TestResult): Case {
  const { name, verdict, reason = '', detail = '', durationMs, rate } = test;
  const time = {
    remarks: remarksOf(test),
    ...(durationMs === undefined ? {} : { seconds: durationMs / 1000 }),
  };
  if (verdict === 'pass') return { name, ...time };
  const outcome = (tag: 'failure' | 'error' | 'skipped', message: string): Case => ({
    ...{ name, ...time },
    outcome: { tag, type: verdict, message, text: detail },
  });
  if (verdict === 'skip') return outcome('skipped', reason);
  if (verdict === 'todo') return outcome('skipped', `expected failure${reason && `: ${reason}`}`);
  const often = rate && isMixed(rate) ? ` (fails ${rateWords(rate)})` : '';
  return outcome(verdict === 'lost' ? 'error' : 'failure', `${reason || verdict}${often}`);
}

/** Cases for a cell that broke, and for each fatal complaint of its kernel. */
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

/**
 * A failure that must not fail the CI, as skipped: one of the base, which the series is there to fix, or one that a mutant is there to
 * cause. A failure of the lab stays an error. `where`: e.g. `on base`.
 */
function asExpected(test: Case, where: string): Case {
  if (!test.outcome || test.outcome.tag === 'skipped' || test.outcome.type === LAB_FAILED) return test;
  const { type, message } = test.outcome;
  return { ...test, outcome: { ...test.outcome, tag: 'skipped', message: `${where}: ${type}: ${message}` } };
}

function addCase(suite: Node, className: string, { name, seconds, outcome, remarks = [] }: Case): void {
  const time = seconds === undefined ? {} : { time: seconds.toFixed(3) };
  const node = suite.ele('testcase', { classname: visible(className), name: visible(name), ...time });
  if (outcome) {
    const { tag, type, message, text } = outcome;
    const child = node.ele(tag, { ...(tag === 'skipped' ? {} : { type }), message: visible(message) });
    if (text && tag !== 'skipped') child.txt(visible(text));
  }
  for (const item of remarks) node.ele('system-out').txt(visible(item));
}

/** A test suite with its cases; `properties` by name. */
function addSuite(
  root: Node,
  name: string,
  cases: readonly Case[],
  { seconds, properties = {} }: { seconds?: number; properties?: Record<string, string> } = {},
): void {
  const count = (tag: string) => String(cases.filter((test) => test.outcome?.tag === tag).length);
  const suite = root.ele('testsuite', {
    name: visible(name),
    tests: String(cases.length),
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    ...(seconds === undefined ? {} : { time: seconds.toFixed(3) }),
  });
  const entries = Object.entries(properties);
  const list = entries.length > 0 ? suite.ele('properties') : suite;
  for (const [key, value] of entries) list.ele('property', { name: key, value: visible(value) });
  for (const test of cases) addCase(suite, name, test);
}

/** Where the failures of a cell are no failures of the run; undefined where they are. */
function expectedIn(record: RunRecord, cell: CellRecord): string | undefined {
  const { side } = kernelOf(record, cell);
  if (record.mutants) return side === 'base' ? 'without a mutant' : 'with the mutant';
  return side === 'base' && cellsOfSide(record, 'patched').length > 0 ? 'on base' : undefined;
}

/** A result with what its reruns say. One that is flaky fails the CI only where it fails the comparison. */
function asConfirmed(
  test: Case,
  row: TestChange | undefined,
  { flakyFails }: Pick<Comparison, 'flakyFails'>,
): Case {
  if (!test.outcome || !row?.confirmation) return test;
  const message = `${test.outcome.message} (${confirmWords(row.confirmation)})`;
  const said = { ...test, outcome: { ...test.outcome, message } };
  return isFlaky(row) && !flakyFails ? asExpected(said, 'flaky') : said;
}

function addCell(root: Node, cell: CellRecord, { record, comparison }: ReportInput): void {
  const { side, name: kernel } = kernelOf(record, cell);
  const { profile, suite, verdict } = cell;
  const rows = new Map(
    comparison?.tests
      .filter((row) => row.kernel === cell.kernel && row.profile === profile && row.suite === suite)
      .map((row) => [row.name, row]),
  );
  const tests = cell.tests
    .map(caseOf)
    .map((test) => (comparison ? asConfirmed(test, rows.get(test.name), comparison) : test));
  const results = distinct([...tests, ...extraCases(cell)], `${profile}, ${kernel}`);
  const expected = expectedIn(record, cell);
  addSuite(
    root,
    nameOfCell({ kernel, profile, suite }),
    expected === undefined ? results : results.map((test) => asExpected(test, expected)),
    { seconds: totalMsOf(cell) / 1000, properties: { side, kernel, guest: profile, suite, verdict } },
  );
}

/**
 * Cases whose names say where they ran, and of which no two are equal: GitLab shows the name alone, and keeps one of several cases of
 * the same class and name without a word.
 */
function distinct(cases: readonly Case[], where: string): Case[] {
  const names = new Map<string, number>();
  return cases.map((test) => {
    const count = (names.get(test.name) ?? 0) + 1;
    names.set(test.name, count);
    return { ...test, name: `${test.name} [${where}]${count > 1 ? ` #${count}` : ''}` };
  });
}

/** The failure of a kernel that could not be made, once; each of its cells is skipped. */
function addKernels(root: Node, record: RunRecord): void {
  for (const { id, name, verdict: type, message, detail: text } of failedKernels(record)) {
    const failure: Case = { name: '(kernel)', outcome: { tag: 'error', type, message, text } };
    const cells = record.cells.filter(({ kernel }) => kernel === id);
    const skipped = cells.map(({ profile, suite }): Case => {
      const outcome = { tag: 'skipped' as const, type, message: `not run: ${type}`, text: '' };
      return { name: `${profile}/${suite}`, outcome };
    });
    addSuite(root, name, [failure, ...skipped]);
  }
}

/** What the run or comparison does not prove; a kernel's failure is there already. */
function addUnproven(root: Node, input: ReportInput): void {
  const reported = failedKernels(input.record).map(({ name }) => name);
  const cases = unprovenIn(input)
    .filter(({ code, subjects: [name = ''] }) => code !== 'kernel-failed' || !reported.includes(name))
    .map((entry): Case => {
      const outcome = { tag: 'failure' as const, type: 'unproven', message: unprovenWords(entry), text: '' };
      return { name: entry.code, outcome };
    });
  if (cases.length > 0) addSuite(root, '(evidence)', cases);
}

function addMutants(root: Node, { mutants }: RunRecord): void {
  const cases = (mutants ?? []).map((mutant): Case => {
    const type = mutantOutcome(mutant);
    if (type === 'killed') return { name: mutant.name };
    const tag = type === 'broken' ? ('error' as const) : ('failure' as const);
    return { name: mutant.name, outcome: { tag, type, message: mutant.broken ?? mutant.fault, text: '' } };
  });
  if (cases.length > 0) addSuite(root, '(mutants)', cases);
}

function addLabFailures(root: Node, record: RunRecord): void {
  const cases = labFailures(record).map(({ subject, message }): Case => {
    const [title = ''] = message.split('\n');
    return { name: subject, outcome: { tag: 'error', type: LAB_FAILED, message: title, text: message } };
  });
  if (record.unfinished) {
    const outcome = { tag: 'error' as const, type: LAB_FAILED, message: DID_NOT_END, text: '' };
    cases.push({ name: 'run', outcome });
  }
  if (cases.length > 0) addSuite(root, '(lab)', cases);
}

/** Skipped rather than an error: the user allowed it, and it says nothing about the kernel. */
function addWarning(root: Node, record: RunRecord): void {
  const message = unsandboxedWords(record);
  if (message === undefined) return;
  addSuite(root, '(sandbox)', [
    { name: 'sandbox', outcome: { tag: 'skipped', type: 'skip', message, text: '' } },
  ]);
}

/** Bytes of a document: GitLab ignores a file of 30 MB. */
const LIMIT = 29_000_000;

/** What is cut where a document is too long. */
const EXTENTS: readonly Extent[] = [{ text: 20_000 }, { text: 2_000 }, { text: 0, reason: 200 }];

/**
 * As `documentOf`, in at most `limit` bytes, by default less than 30 MB: where it is longer, evidence is cut. Only some 50,000 failed tests would still be longer.
 */
export function renderJunit(input: ReportInput, limit = LIMIT): string {
  let text = documentOf(input);
  for (const extent of EXTENTS) {
    if (Buffer.byteLength(text) <= limit) break;
    text = documentOf({ ...input, record: shortened(input.record, extent) });
  }
  return text;
}

/**
 * JUnit XML: one test suite for each cell, base and patched apart (property `side`), after what is not proven (suite `(evidence)`).
 * Where a run has both sides, failures of the base are written as skipped (`on base: fail: ...`), so that a CI counts the patched side
 * alone. A lost test, a broken cell, a kernel that could not be made, a failure of the lab and a run that did not end are errors; any
 * other failure is a failure with its verdict as the type. Of a run over mutants only the mutants count.
 */
function documentOf(input: ReportInput): string {
  const { record } = input;
  const document = create({ version: '1.0', encoding: 'UTF-8', invalidCharReplacement: '\ufffd' });
  const root = document.ele('testsuites', { name: visible(record.id), time: record.seconds.toFixed(3) });
  const failed = new Set(failedKernels(record).map(({ id }) => id));
  addUnproven(root, input);
  addMutants(root, record);
  addKernels(root, record);
  for (const cell of record.cells) if (!failed.has(cell.kernel)) addCell(root, cell, input);
  addLabFailures(root, record);
  addWarning(root, record);
  return `${document.end({ prettyPrint: true })}\n`;
}
