import { Parser } from 'tap-parser';

/** tap's reason for skipping a file in which no test ran. */
const NO_TESTS = 'no tests found';

/**
 * Counts the leaves of TAP streams. The line of a subtest sums up its leaves: it counts only when it fails and no leaf does.
 * @typedef {{ name: string, why?: string, diag?: Record<string, unknown> | null }} Failure
 * @typedef {{ file: string, passed: number, failures: Failure[], skips: { name: string, reason: string }[], extra: string[], ms: number }} FileResult
 */
export class Tally {
  passed = 0;
  skipped = 0;
  /** How often each reason of a skip occurred. */
  reasons = new Map();
  /** Names of all failures, each with the name of its file. */
  failures = [];
  /** How long each file took, ms. */
  times = new Map();

  /**
   * Adds the counts of a file.
   * @param {FileResult} result
   */
  add(result) {
    this.times.set(result.file, result.ms);
    this.passed += result.passed;
    this.skipped += result.skips.length;
    for (const { name } of result.failures)
      this.failures.push(name.startsWith(result.file) ? name : `${result.file} > ${name}`);
    for (const { reason } of result.skips) this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }

  get failed() {
    return this.failures.length;
  }

  /** The counts as one line. */
  get line() {
    return `${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped`;
  }
}

/**
 * An empty result.
 * @returns {FileResult}
 */
export const newResult = (file) => ({ file, passed: 0, failures: [], skips: [], extra: [], ms: 0 });

const leaves = (result) => result.passed + result.failures.length + result.skips.length;

/**
 * @param {FileResult} result
 * @param {import('tap-parser').Result} line
 */
function addLeaf(result, line) {
  const name = line.fullname || line.name;
  if (line.skip || line.todo) {
    const reason = [line.skip, line.todo].find((text) => typeof text === 'string' && text !== '');
    result.skips.push({ name, reason: reason || 'no reason given' });
  } else if (line.ok) result.passed++;
  else result.failures.push({ name, diag: line.diag });
}

/** Why a file or subtest failed although each test in it passed. */
function whyOf({ diag }) {
  if (diag?.timeout || diag?.signal === 'SIGALRM') return 'ran out of time';
  if (diag?.signal) return `ended by ${diag.signal}`;
  if (diag?.exitCode) return `ended with exit code ${diag.exitCode}`;
  return 'failed as a whole';
}

/**
 * Adds every leaf that a parser reads to `result`.
 * @param {Parser} parser
 * @param {FileResult} result
 * @param {(line: import('tap-parser').Result) => void} [onLine] called for each result line of this level, not of subtests
 */
function follow(parser, result, onLine) {
  let inner;
  parser.on('child', (child) => {
    inner = { before: leaves(result), failures: result.failures.length };
    follow(child, result);
  });
  parser.on('assert', (line) => {
    const { before, failures } = inner ?? { before: leaves(result), failures: 0 };
    const summary = inner !== undefined && leaves(result) > before;
    inner = undefined;
    if (!summary) addLeaf(result, line);
    else if (!line.ok && !line.todo && result.failures.length === failures) {
      result.failures.push({ name: line.fullname || line.name, why: whyOf(line), diag: line.diag });
    }
    onLine?.(line);
  });
  parser.on('extra', (text) => result.extra.push(text));
}

/**
 * Reads the output of tap, which has one subtest for each file.
 * @param {{ onFile: (result: FileResult) => void, onTest?: (line: import('tap-parser').Result) => void }} listeners
 * @returns {Parser} a stream to write the output to
 */
export function readRun({ onFile, onTest }) {
  const parser = new Parser();
  let result;
  parser.on('child', (child) => {
    result = newResult(child.name);
    follow(child, result, onTest);
  });
  parser.on('assert', (line) => {
    const done = result ?? newResult(line.name);
    result = undefined;
    done.ms = line.time ?? 0;
    if (leaves(done) === 0) addFileWithoutTests(done, line);
    else if (!line.ok && done.failures.length === 0)
      done.failures.push({ name: done.file, why: whyOf(line) });
    onFile(done);
  });
  parser.on('bailout', (reason) => {
    const done = result ?? newResult('tap');
    result = undefined;
    done.failures.push({ name: done.file, why: `bailed out: ${reason}` });
    onFile(done);
  });
  return parser;
}

/** A file may skip itself with a reason. Any other file without a test proves nothing, and fails. */
function addFileWithoutTests(result, line) {
  if (line.ok && line.skip && line.skip !== NO_TESTS) addLeaf(result, line);
  else result.failures.push({ name: result.file, why: line.ok ? 'has no tests' : whyOf(line) });
}
