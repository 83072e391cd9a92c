import { parse } from 'yaml';
import { z } from 'zod';
import { TestClass } from '../model/protocol.ts';
import { Metric, type TestResult } from '../model/result.ts';
import type { Verdict } from '../model/verdict.ts';
import { type Directive, type Parts, splitPoint, unescaped } from './directive.ts';
import { shorten } from './shorten.ts';
import type { Dialect, TapContent } from './syntax.ts';
import { isDeep } from './yaml.ts';

/** Characters kept: a stream of any size must not fill memory with one test's text. */
const MAX_NAME = 300;
const MAX_REASON = 1000;
/** Figures of one test; of more none is taken. */
const MAX_METRICS = 500;

/** A test's name as results have it, so that names from other places can be compared: one line, not too long, its spaces as they are. */
export const resultName = (name: string): string => shorten(name.replace(/[^\S ]+/g, ' ').trim(), MAX_NAME);

/** A directive outranks ok and not ok, except that a TODO which passes is a pass. */
function verdictOf(ok: boolean, directive: Directive | undefined): Verdict {
  switch (directive?.word) {
    case 'skip':
    case 'timeout':
      return directive.word;
    case 'xfail':
      return 'todo';
    case 'todo':
      return ok ? 'pass' : 'todo';
    case 'error':
      return 'fail';
    default:
      return ok ? 'pass' : 'fail';
  }
}

function reasonOf(ok: boolean, parts: Parts): string | undefined {
  const { directive, note } = parts;
  if (!directive) return ok ? undefined : note;
  const text = directive.text;
  if (directive.word === 'todo' && ok) return `passes, though marked TODO${text && `: ${text}`}`;
  if (directive.word === 'error') return `the test itself broke${text && `: ${text}`}`;
  if (directive.word === 'timeout') return `ran out of time${text && `: ${text}`}`;
  return text || 'no reason given';
}

/** The result in a test line. A test without a name is named after its number, `#3`. */
export function readPoint(
  point: Extract<TapContent, { kind: 'point' }>,
  number: number,
  dialect: Dialect,
): TestResult {
  const parts = splitPoint(point.rest, dialect);
  const reason = reasonOf(point.ok, parts);
  return {
    name: resultName(unescaped(parts.name, dialect)) || `#${number}`,
    verdict: verdictOf(point.ok, parts.directive),
    ...(reason ? { reason: shorten(reason, MAX_REASON) } : {}),
    ...(parts.durationMs === undefined ? {} : { durationMs: parts.durationMs }),
  };
}

/** What a test left behind, or where a series chose otherwise. */
const Lines = z.array(z.string()).max(20);

/** A list of lines as a field; undefined where it is none. */
function linesOf(value: unknown): string[] | undefined {
  const lines = Lines.safeParse(value);
  return lines.success ? lines.data.map((line) => shorten(line, MAX_REASON)) : undefined;
}

/** A test's own figures: the spread comes from repeats. */
const Metrics = z
  .array(Metric.omit({ spread: true }).extend({ name: z.string().max(MAX_NAME), unit: z.string().max(100) }))
  .max(MAX_METRICS);

/** Why figures are missing in a result. */
function notTaken({ length }: readonly unknown[]): string {
  const why = length > MAX_METRICS ? `${length}, at most ${MAX_METRICS} are taken` : 'malformed';
  return `its figures are not taken (${why}); they are in its detail`;
}

/** The fields of a YAML block; none of one that is broken or no map, whose text is still evidence. */
function fieldsOf(text: string): Record<string, unknown> {
  if (isDeep(text)) return {};
  try {
    const value: unknown = parse(text, { logLevel: 'silent' });
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The standard error of a program, in the YAML block of its result (suites/agent/programs/report.ts). */
export function stderrIn(text: string): string | undefined {
  const { stderr } = fieldsOf(text);
  return typeof stderr === 'string' ? stderr : undefined;
}

/** The agent writes figures on one line at the top level of the block (suites/agent/tap.ts). */
const METRICS_LINE = /^metrics: \[.*\]$\n?/m;

/**
 * Adds a YAML block to its test: the text as `detail`; `duration_ms`, `behaviour`, `class`, `choices`, `unproven`, `lacks`, `leftovers` and `metrics` as fields;
 * `message` as the reason of a result that is no pass and has none; `verdict: timeout` of a failed test, which TAP 14 has no directive for. A value of the wrong type is not taken. Figures that were taken are left
 * out of `detail`, which is evidence for a reader.
 */
export function addYaml(result: TestResult, text: string): void {
  result.detail = text;
  const { duration_ms: duration, message, behaviour, lacks, leftovers, ...rest } = fieldsOf(text);
  // Not of a list or map: turning a deep one into a number overflows the stack.
  const ms = typeof duration === 'object' ? Number.NaN : Number(duration);
  if (duration !== undefined && Number.isFinite(ms)) result.durationMs = ms;
  if (typeof behaviour === 'string') result.behaviour = shorten(behaviour, MAX_REASON);
  if (typeof lacks === 'string') result.lacks = shorten(lacks, MAX_REASON);
  const [left, choices] = [linesOf(leftovers), linesOf(rest.choices)];
  if (left) result.leftovers = left;
  if (choices) result.choices = choices;
  const testClass = TestClass.safeParse(rest.class);
  if (testClass.success) result.class = testClass.data;
  if (rest.verdict === 'timeout' && result.verdict === 'fail') result.verdict = 'timeout';
  if (typeof rest.unproven === 'string') result.unproven = shorten(rest.unproven, MAX_REASON);
  const metrics = Metrics.safeParse(rest.metrics);
  if (metrics.success) {
    result.metrics = metrics.data;
    const evidence = text.replace(METRICS_LINE, '').trimEnd();
    if (evidence) result.detail = evidence;
    else delete result.detail;
  }
  if (typeof message === 'string' && result.verdict !== 'pass')
    result.reason ??= shorten(message.trim().split('\n')[0] ?? '', MAX_REASON);
  if (Array.isArray(rest.metrics) && !metrics.success) result.reason ??= notTaken(rest.metrics);
}
