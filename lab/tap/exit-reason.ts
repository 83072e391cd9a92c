import { constants } from 'node:os';
import type { Verdict } from '../model/verdict.ts';
import { shorten } from './shorten.ts';

/** Most characters of a program's own words in a reason. */
const MAX_WORDS = 300;
/** Most characters of a line that are looked at: the patterns take quadratic time for lines of spaces. */
const MAX_LINE = 1000;

/** `skip`, `SKIPPED:`, `[SKIP]`, `Skipping...` and blktests' `[not run]`, in any place of a line. */
const SKIP_WORD = /\b(?:skip(?:ped|ping|s)?|not ?run)\b/i;
/** A directive of TAP, in a result line or a plan: `1..0 # SKIP no device`. */
const DIRECTIVE = /#\s*skip\w*[\s:-]*(.*)$/i;
/** The skip word, alone or after a prefix such as the program's name, set off from the reason: `SKIP: x`, `[SKIP] x`, `t.sh: skip - x`. */
const LEADING = /^(?:.*[:\s])?[[(]?\s*(?:skip(?:ped|ping)?|not ?run)\s*(?:[\])]+\s*[:-]*|[:\-–—]+)\s*(.+)$/i;
/** The word as an upper-case label without punctuation: `SKIP no device`. */
const LABEL = /^SKIP(?:PED)?\s+(.+)$/;
/** The skip word after the reason: `io_uring not supported, skip`. */
const TRAILING = /^(.*\S)\s*[,;:.(–-]\s*(?:so |test |tests )?skip(?:ped|ping|s)?(?: \w+){0,3}[\s.!)…]*$/i;
/** Nothing but the skip word: the line before it says why. */
const BARE = /^\W*(?:test |tests )?(?:skip(?:ped|ping|s)?|not ?run)(?: (?:this |the )?tests?)?\W*$/i;
/** How a program says that something is missing, without a skip word. */
const LACK =
  /not support|unsupported|n['o]t (?:available|permitted|found|enabled|present)|(?:doesn't|does not|no) support|\b(?:needs?|requires?|required|unavailable|missing|lacks?)\b|no such|only (?:on|for|as) |CAP_[A-Z]|\broot\b/i;

/** Lines without information of their own: frames of traces, rules, and what a shell or libc prints after a signal. */
const NOISE = [
  /^\s+at /,
  /^\s*\d+: 0x/,
  /^Node\.js v\d/,
  /^[\s^~|+=*_.#-]*$/,
  /^-+ .* -+$/,
  /^(?:.*: line \d+:\s+\d+ )?(?:Aborted|Segmentation fault|Killed|Terminated|Bus error|Illegal instruction|Trace\/breakpoint trap)(?: \(core dumped\))?$/,
];
/** A line that compares: `Assertion `n == 4' failed`, `expected 3, got 5`. */
const ASSERTION = /\bassert\w*\b\s*\S|\bexpected\b.+|\bgot\b.+\bwant/i;
/** A line of standard output that reports a failure. */
const FAILURE =
  /\b(?:fail(?:ed|ure|s|ing)?|errors?|cannot|can't|could ?n[o']t|unable|unexpected|expected|mismatch|wrong|invalid|assert\w*|timed? ?out)\b/i;

/** The lines that say something, without comment marks. */
function wordsOf(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.slice(0, MAX_LINE))
    .filter((line) => !NOISE.some((noise) => noise.test(line)))
    .map((line) => line.replace(/^\s*#(?!\s*skip)\s*/i, '').trim())
    .filter(Boolean);
}

/** The reason in a line with a skip word; `before` is the line before it. Undefined where neither says why. */
function reasonIn(line: string, before: string | undefined): string | undefined {
  if (BARE.test(line.replace(DIRECTIVE, ''))) {
    const directive = DIRECTIVE.exec(line)?.[1]?.trim();
    return directive || before;
  }
  const directive = DIRECTIVE.exec(line);
  if (directive) return directive[1]?.trim() || before;
  const [, rest] = LEADING.exec(line) ?? LABEL.exec(line) ?? [];
  if (rest && !BARE.test(rest)) return rest.trim();
  return TRAILING.exec(line)?.[1] ?? line;
}

/** Why a program says that it was skipped; the last line with a skip word counts. */
function skipReason(text: string): string | undefined {
  const words = wordsOf(text);
  const at = words.findLastIndex((line) => SKIP_WORD.test(line));
  const line = words[at];
  return line === undefined ? undefined : reasonIn(line, words[at - 1]);
}

/**
 * The line of standard error that says what went wrong: the last with an assertion, else the last that is no frame of a trace, which
 * names the error in scripts, C and Node.js.
 */
export function lastWords(stderr: string): string | undefined {
  const words = wordsOf(stderr);
  const line = words.findLast((word) => ASSERTION.test(word)) ?? words.at(-1);
  return line === undefined ? undefined : shorten(line, MAX_WORDS);
}

/** The signal that ended a program, by the exit code that a shell gives then, 128 + n; undefined for other codes. */
export const signalOf = (code: number): string | undefined =>
  Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];

function describeExit(code: number | null): string {
  if (code === null) return 'no exit status arrived';
  const signal = signalOf(code);
  return signal ? `ended by ${signal}` : `exit code ${code}`;
}

/**
 * Why a program has a verdict by its exit code, in its own words where it has any: of a skip what it says is missing, of a failure the
 * last words of its standard error, else a line of standard output that reports a failure. `stdout`, `stderr`: what was kept of
 * both, the end of each. Undefined for a pass.
 *
 * @example
 * reasonOfExit('skip', 77, '', 'SKIP: no hybrid poll\n'); // no hybrid poll
 * reasonOfExit('fail', 127, '', './run.sh: 3: fio: not found\n'); // exit code 127: ./run.sh: 3: fio: not found
 */
export function reasonOfExit(
  verdict: Verdict,
  code: number | null,
  stdout: string,
  stderr: string,
): string | undefined {
  if (verdict === 'pass') return undefined;
  const exit = describeExit(code);
  if (verdict === 'skip') {
    const words = skipReason(stderr) ?? skipReason(stdout);
    if (words !== undefined) return shorten(words, MAX_WORDS);
    const last = lastWords(stderr) ?? lastWords(stdout);
    if (last !== undefined) return LACK.test(last) ? last : `${exit}: ${last}`;
    return `${exit}, no reason given`;
  }
  const failure = wordsOf(stdout).findLast((line) => FAILURE.test(line));
  const words = lastWords(stderr) ?? (failure === undefined ? undefined : shorten(failure, MAX_WORDS));
  return words === undefined ? exit : `${exit}: ${words}`;
}
