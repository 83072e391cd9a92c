import type { TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import type { Frame, HeldResult } from './frame.ts';

/** Takes the frame's comments away; they become the detail of a result that is no pass and has none. */
export function takeComments(result: TestResult, frame: Frame): void {
  const text = frame.comments.splice(0).join('\n').trim();
  if (text && result.verdict !== 'pass') result.detail ??= text;
}

/** Adds the comments that came after a result: in TAP they explain a failure, in KTAP those before it do. */
export function explain({ result, frame, hasYaml }: HeldResult): void {
  if (frame.dialect === 'ktap') return;
  if (hasYaml) {
    const notes = frame.comments.splice(0).join('\n').trim();
    if (notes && result.verdict !== 'pass') result.detail = [result.detail, notes].filter(Boolean).join('\n');
  } else if (isFailure(result.verdict) && result.detail === undefined) {
    takeComments(result, frame);
  }
}
