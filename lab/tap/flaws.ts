import type { TestResult } from '../model/result.ts';
import type { Stop } from './ending.ts';
import type { Frame } from './frame.ts';
import { missing, namesOf, outsidePlan, withoutFirst } from './numbers.ts';

/**
 * Results for the tests that a frame planned and that gave none. The first of them carries what ended the suite, unless another
 * result does. `lostByName`: so many of the missing tests have a result already, under their announced names.
 */
export function lostOf(frame: Frame, stop?: Stop, lostByName = 0): TestResult[] {
  const cause = frame.bail === undefined ? stop?.reason : `bailed out: ${frame.bail || 'no reason given'}`;
  const reason = `no result arrived${cause ? `: ${cause}` : ' before its parent ended'}`;
  return namesOf(withoutFirst(missing(frame), lostByName)).map((number, index) => {
    const name = (index === 0 && frame.nextName) || number;
    if (index > 0 || !stop || stop.reported || frame.bail !== undefined)
      return { name, verdict: 'lost', reason };
    stop.reported = true;
    return { name, verdict: stop.verdict, reason: stop.abnormal ? stop.reason : reason };
  });
}

/** What is wrong with the numbers of a frame's results; undefined where nothing is. */
function numberFlaw(frame: Frame): string | undefined {
  const repeated = [...frame.repeated].map((number) => `${number} was given more than once`);
  // Of more results than planned the plan is the flaw.
  const isFull = frame.plan !== undefined && frame.count > frame.plan.count;
  const outside = isFull ? [] : outsidePlan(frame).map((number) => `${number} is outside of the plan`);
  const flaws = [...repeated, ...outside];
  return flaws.length === 0 ? undefined : `test number ${flaws.join(', ')}`;
}

/** What is wrong with the plans of a frame; undefined where nothing is. */
function planContradiction({ plan, nextPlan, count }: Frame): string | undefined {
  if (plan !== undefined && count > plan.count) return `${plan.count} tests were planned, ${count} reported`;
  // A harness that runs out of tests prints one of none behind the results of another.
  return nextPlan && nextPlan.count > 0
    ? `planned twice: 1..${plan?.count} and 1..${nextPlan.count}`
    : undefined;
}

/**
 * Results for contradictions in a frame besides missing tests: more results than planned or a second plan, test numbers that are
 * repeated or outside of the plan, and a bail-out that cost no test.
 */
export function flawsOf(frame: Frame, lost: number): TestResult[] {
  const flaws: TestResult[] = [];
  const fail = (name: string, reason: string | undefined) => {
    if (reason !== undefined) flaws.push({ name, verdict: 'fail', reason });
  };
  fail('(plan)', planContradiction(frame));
  fail('(numbers)', numberFlaw(frame));
  if (frame.bail !== undefined && lost === 0) fail('(bail out)', frame.bail || 'no reason given');
  return flaws;
}

/** Reason of a plan of no tests that gives none itself. */
export const NO_TESTS = 'no tests were run';

/** A result for the missing plan of the outermost frame: TAP demands a plan there, and a stream without any result proves nothing. */
export function planFlaw(root: Frame, stop: Stop | undefined): TestResult[] {
  if (root.plan || root.bail !== undefined) return [];
  if (root.dialect === 'ktap' && root.count > 0) return [];
  if (stop?.reported) return [];
  if (stop) stop.reported = true;
  const flaw = root.count === 0 ? 'no test result arrived' : 'no plan arrived, so more tests may be missing';
  const cause = stop && (stop.abnormal || stop.code !== 0) ? `: ${stop.reason}` : '';
  const name = root.nextName ?? `#${root.highest + 1}`;
  return [{ name, verdict: stop?.verdict ?? 'lost', reason: flaw + cause }];
}
