import { VerdictError } from '../core/errors.ts';
import type { Patch, Series } from '../model/series.ts';
import type { FileOutcome } from './rejects.ts';

const hunkAt = ({ hunk, line }: { hunk: number; line: number }) => `hunk ${hunk} at line ${line}`;

function describeFile({ file, refused, applied, rejected }: FileOutcome): string[] {
  if (refused) return [`${file}: refused: ${refused}`];
  const total = applied.length + rejected.length;
  if (rejected.length === 0) return [`${file}: all ${total} hunks would apply`];
  const rest = applied.length > 0 ? `; would apply: ${applied.map(hunkAt).join(', ')}` : '';
  return [
    `${file}: ${rejected.length} of ${total} hunks rejected${rest}`,
    ...rejected.map((one) => `\nrejected: ${file}, ${hunkAt(one)}\n${one.text}\n`),
  ];
}

const nameOf = (patch: Patch, series: Series) =>
  `patch ${patch.number}/${series.announced} "${patch.subject}"`;

/** The first place where a patch fails, for the one-line message. */
function firstPlace(outcomes: readonly FileOutcome[]): string {
  const bad = outcomes.find(({ refused, rejected }) => refused || rejected.length > 0);
  if (!bad) return 'the whole of it';
  const [first] = bad.rejected;
  return first ? `${bad.file}, ${hunkAt(first)}` : `${bad.file} (${bad.refused})`;
}

/** The verdict on a patch that git refused, with every rejected hunk as evidence. */
export function applyFailed(
  patch: Patch,
  series: Series,
  base: string,
  outcomes: readonly FileOutcome[],
  gitSays: string,
): VerdictError {
  const rejected = outcomes.reduce((sum, outcome) => sum + outcome.rejected.length, 0);
  const applied = outcomes.reduce((sum, outcome) => sum + outcome.applied.length, 0);
  const counts = rejected > 0 ? ` (${rejected} of ${rejected + applied} hunks rejected)` : '';
  const message = `${nameOf(patch, series)} does not apply to ${base}: ${firstPlace(outcomes)}${counts}`;
  const known = outcomes.some(({ refused, rejected: bad }) => refused || bad.length > 0);
  const detail = [message, '', ...outcomes.flatMap(describeFile), ...(known ? [] : ['', gitSays.trim()])];
  return new VerdictError('apply-failed', message, detail.join('\n'));
}

/** The verdict on a patch that changes nothing: it is empty, or the base has it already. */
export function nothingToApply(
  patch: Patch,
  series: Series,
  base: string,
  why: 'empty' | 'already',
): VerdictError {
  const text = why === 'empty' ? 'changes nothing' : `is already in ${base}`;
  const message = `${nameOf(patch, series)} ${text}`;
  return new VerdictError('apply-failed', message, `${message}\nfiles: ${patch.files.join(', ')}`);
}
