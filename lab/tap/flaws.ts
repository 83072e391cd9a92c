import type { TestResult } from '../model/result.ts';
import type { Stop } from './ending.ts';
import { type Frame, missing, namesOf, withoutFirst } from './frame.ts';

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

/** Results for contradictions in a frame besides missing tests: more results than planned, or a bail-out that cost no test. */
export function flawsOf(frame: Frame, lost: number): TestResult[] {
  const flaws: TestResult[] = [];
  const planned = frame.plan?.count;
  if (planned !== undefined && frame.count > planned && !(planned === 0 && frame.count === 0)) {
    const reason = `${planned} tests were planned, ${frame.count} reported`;
    flaws.push({ name: '(plan)', verdict: 'fail', reason });
  }
  if (frame.bail !== undefined && lost === 0) {
    flaws.push({ name: '(bail out)', verdict: 'fail', reason: frame.bail || 'no reason given' });
  }
  return flaws;
}

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
