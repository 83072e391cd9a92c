import { parse } from 'yaml';
import { z } from 'zod';
import { TestClass } from '../model/protocol.ts';
import { Metric, type TestResult } from '../model/result.ts';
import type { Verdict } from '../model/verdict.ts';
import { shorten } from './shorten.ts';
import type { Dialect, TapContent } from './syntax.ts';
import { isDeep } from './yaml.ts';

/** Characters kept: a stream of any size must not fill memory with one test's text. */
const MAX_NAME = 300;
const MAX_REASON = 1000;
/** Figures of one test; of more none is taken. */
const MAX_METRICS = 500;

/** A test's name as results have it, so that names from other places can be compared: one line, not too long. */
export const resultName = (name: string): string => shorten(name.replace(/\s+/g, ' ').trim(), MAX_NAME);

type Directive = { word: 'skip' | 'todo' | 'xfail' | 'timeout' | 'error'; text: string };

const DIRECTIVE = /^(skip|todo|xfail|timeout|error)\w*(?=\W|$)[:\s-]*(.*)$/i;
const TIME = /^time=([\d.]+)\s*(ms|s)$/i;

interface Parts {
  name: string;
  directive?: Directive;
  durationMs?: number;
  /** Text after `#` that is no directive, such as kselftest's `exit=1`. */
  note?: string;
}

/** Most `#` of one line that are looked at: each costs a look at the rest of the line. */
const MAX_HASHES = 50;

/** Indices of each unescaped `#` at the start or after white space. */
function* hashes(rest: string): Generator<number> {
  let count = 0;
  for (const match of rest.matchAll(/(?<=^|\s)#/g)) {
    if (++count > MAX_HASHES) return;
    yield match.index;
  }
}

function split(rest: string, dialect: Dialect): Parts {
  const before = (at: number) => rest.slice(0, at).trimEnd();
  let first: number | undefined;
  for (const at of hashes(rest)) {
    const after = rest.slice(at + 1).trim();
    const directive = DIRECTIVE.exec(after);
    if (directive) {
      const word = (directive[1] ?? '').toLowerCase() as Directive['word'];
      return { name: before(at), directive: { word, text: (directive[2] ?? '').trim() } };
    }
    const time = TIME.exec(after);
    if (time) return { name: before(at), durationMs: Number(time[1]) * (time[2] === 's' ? 1000 : 1) };
    first ??= at;
  }
  // In TAP 14 an unknown directive is part of the name; KTAP and kselftest put data there that changes from run to run.
  if (first === undefined || dialect === 'tap14') return { name: rest };
  return { name: before(first), note: rest.slice(first + 1).trim() };
}

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
  const parts = split(point.rest, dialect);
  const reason = reasonOf(point.ok, parts);
  return {
    name: resultName(parts.name.replace(/\\([#\\])/g, '$1')) || `#${number}`,
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

/** The agent writes figures on one line at the top level of the block (suites/agent/tap.ts). */
const METRICS_LINE = /^metrics: \[.*\]$\n?/m;

/**
 * Adds a YAML block to its test: the text as `detail`; `duration_ms`, `behaviour`, `class`, `choices`, `unproven`, `lacks`, `leftovers` and `metrics` as fields;
 * `message` as the reason of a result that is no pass and has none. A value of the wrong type is not taken. Figures that were taken are left
 * out of `detail`, which is evidence for a reader.
 */
export function addYaml(result: TestResult, text: string): void {
  result.detail = text;
  if (isDeep(text)) return;
  let value: unknown;
  try {
    value = parse(text, { logLevel: 'silent' });
  } catch {
    // Broken YAML is still evidence: the text is kept.
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const {
    duration_ms: duration,
    message,
    behaviour,
    lacks,
    leftovers,
    ...rest
  } = value as Record<string, unknown>;
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
