import { writeFileSync } from 'node:fs';
import { AssertionError } from '../lib/assert.ts';
import { hasHangingRequests } from '../lib/hang.ts';
import { type Lab, type Needs, Test, type TestCase } from '../lib/test.ts';
import { SkipError } from '../lib/uapi.ts';
import { checkNeeds } from './needs.ts';
import type { Outcome } from './tap.ts';
import { failurePlace, readableStack } from './trace.ts';

/** Thrown when a test or its release exceeds its deadline. */
class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** Thrown in place of the failure of a choice when its requests never end. */
class HangError extends Error {
  override readonly name = 'HangError';
}

/** Writes to the kernel log which test is running, so that the lab can attribute a complaint to it. */
export function markKernelLog(mark: 'begin' | 'end', name: string): void {
  try {
    // Opened for each line: /dev/kmsg limits the rate per open file.
    writeFileSync('/dev/kmsg', `<5>ringlab: ${mark} "${name}"\n`);
  } catch {
    // Not writable in unit tests, where no console is read either.
  }
}

/** Diagnostics of a failed test. `message` reads alone; of an assertion it contains `expected` and `got` (suites/lib/difference.ts). */
function failure(error: unknown): Record<string, string> {
  if (!(error instanceof Error)) return { message: String(error) };
  const stack = readableStack(error);
  const at = failurePlace(stack);
  if (error instanceof AssertionError)
    return { message: error.message, expected: error.expected, got: error.got, at };
  return { message: `${error.name}: ${error.message}`, at, stack: stack.join('\n') };
}

function outcomeOf(error: unknown, durationMs: number): Outcome {
  if (error === undefined) return { ok: true, durationMs };
  if (error instanceof SkipError) {
    const { message, lacks } = error;
    return { ok: true, durationMs, directive: `SKIP ${message}`, ...(lacks ? { lacks } : {}) };
  }
  return { ok: false, durationMs, timedOut: error instanceof DeadlineError, diagnostics: failure(error) };
}

/** Waits for `work` for at most `timeoutMs`, then aborts it and throws DeadlineError. A later rejection of `work` is ignored. */
async function within(timeoutMs: number, abort: AbortController, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new DeadlineError(`still running after ${timeoutMs} ms`);
      abort.abort(error);
      reject(error);
    }, timeoutMs);
  });
  work.catch(() => {});
  try {
    await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Deadline of the release of a test's resources, ms. */
const RELEASE_MS = 10_000;

/** Runs one test and releases its resources, with marks in the kernel log around both. Never throws. */
export async function runTest({ name, needs, body }: TestCase, lab: Lab): Promise<Outcome> {
  const abort = new AbortController();
  const t = new Test(name, lab, abort.signal);
  const started = performance.now();
  let thrown: unknown;
  markKernelLog('begin', name);
  try {
    checkNeeds(needs, lab);
    await within(needs.timeoutMs ?? lab.cell.testTimeoutMs, abort, Promise.resolve(t).then(body));
  } catch (error) {
    thrown = (await hangOf(t, needs, lab, error)) ?? error;
  }
  try {
    await within(RELEASE_MS, abort, t.release());
  } catch (error) {
    // A release that fails makes a test that passed or was skipped fail.
    if (thrown === undefined || thrown instanceof SkipError) thrown = error;
  }
  markKernelLog('end', name);
  const { notes, behaviour, metrics, differences, unproven } = t;
  const outcome = {
    ...outcomeOf(thrown, performance.now() - started),
    ...{ notes, behaviour, metrics, class: needs.class, choices: differences },
  };
  if (outcome.ok) return { ...outcome, unproven };
  const expected = whyExpected(needs, lab, thrown);
  return expected === undefined ? outcome : { ...outcome, directive: `TODO ${expected}` };
}

/** Whether a test is about a choice that the series under test may make differently. */
const isOpenChoice = ({ class: of }: Needs, { cell }: Lab) => of === 'choice' && !cell.ownSeries;

/**
 * The hang behind a choice that differs, if it is one: fewer CQEs than this project's series posts may be a choice, requests that never end
 * are none.
 */
async function hangOf(t: Test, needs: Needs, lab: Lab, thrown: unknown): Promise<HangError | undefined> {
  if (!isOpenChoice(needs, lab) || thrown instanceof SkipError || thrown instanceof DeadlineError)
    return undefined;
  if (!(await hasHangingRequests(t))) return undefined;
  const before = thrown instanceof Error ? thrown.message : String(thrown);
  return new HangError(`requests hang: their ring is not freed when it is closed; before that: ${before}`);
}

/** Why a failure is no fault of the kernel under test; undefined where it is one. */
function whyExpected(needs: Needs, lab: Lab, thrown: unknown): string | undefined {
  if (needs.knownFault) return needs.knownFault;
  const isHang = thrown instanceof DeadlineError || thrown instanceof HangError;
  const isChoice = isOpenChoice(needs, lab) && !isHang;
  return isChoice ? 'a choice of the series of this project, which others need not share' : undefined;
}
