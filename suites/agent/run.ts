import { writeFileSync } from 'node:fs';
import { AssertionError } from '../lib/assert.ts';
import { type Lab, Test, type TestCase } from '../lib/test.ts';
import { SkipError } from '../lib/uapi.ts';
import { checkNeeds } from './needs.ts';
import type { Outcome } from './tap.ts';
import { failurePlace, readableStack } from './trace.ts';

/** A test's deadline has passed. */
class Overdue extends Error {}

/** Tells the kernel log which test is on, so that the host can say whose complaint it reads there. */
export function markKernelLog(what: 'begin' | 'end', name: string): void {
  try {
    // Opened anew for each line: /dev/kmsg limits the rate of each opening by itself.
    writeFileSync('/dev/kmsg', `<5>ringlab: ${what} "${name}"\n`);
  } catch {
    // Without the right to write it (unit tests, other machines) there is no console to mark either.
  }
}

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
  if (error instanceof SkipError) return { ok: true, durationMs, directive: `SKIP ${error.message}` };
  const directive = error instanceof Overdue ? 'TIMEOUT' : undefined;
  return { ok: false, durationMs, directive, diagnostics: failure(error) };
}

/** Runs `work` at most until the deadline. What it does afterwards is nobody's concern any more. */
async function within(timeoutMs: number, abort: AbortController, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const clock = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const overdue = new Overdue(`still running after ${timeoutMs} ms`);
      abort.abort(overdue);
      reject(overdue);
    }, timeoutMs);
  });
  work.catch(() => {});
  try {
    await Promise.race([work, clock]);
  } finally {
    clearTimeout(timer);
  }
}

/** How long giving back may take once a test has ended, ms. */
const RELEASE_MS = 10_000;

/** Runs one test to its outcome; never throws. The kernel log is marked around it. */
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
    thrown = error;
  }
  try {
    await within(RELEASE_MS, abort, t.release());
  } catch (error) {
    // A test that passed but could not give back has not passed.
    if (thrown === undefined || thrown instanceof SkipError) thrown = error;
  }
  markKernelLog('end', name);
  const { notes, behaviour, metrics } = t;
  const outcome = { ...outcomeOf(thrown, performance.now() - started), notes, behaviour, metrics };
  return outcome.ok || !needs.knownFault ? outcome : { ...outcome, directive: `TODO ${needs.knownFault}` };
}
