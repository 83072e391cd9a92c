import type { TestResult } from '../model/result.ts';
import { isFailure } from '../model/verdict.ts';
import type { Leaf } from './collect.ts';
import type { Frame } from './frame.ts';

/** A result whose YAML block and comments may still come. */
export interface HeldResult {
  result: Leaf;
  frame: Frame;
  /** The line only summarises its children and is no result. */
  isSummary: boolean;
  /** The YAML block has been read, so that the comments after it belong to the result. */
  hasYaml: boolean;
}

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
