import { VerdictError } from '../core/errors.ts';
import type { Patch, Series } from '../model/series.ts';
import { oneLine } from '../model/visible.ts';
import type { FileOutcome } from './rejects.ts';

const describeHunk = ({ hunk, line }: { hunk: number; line: number }) => `hunk ${hunk} at line ${line}`;

function describeFile({ file, refused, applied, rejected }: FileOutcome): string[] {
  if (refused) return [`${file}: refused: ${refused}`];
  const total = applied.length + rejected.length;
  if (rejected.length === 0) return [`${file}: all ${total} hunks would apply`];
  const others = applied.length > 0 ? `; would apply: ${applied.map(describeHunk).join(', ')}` : '';
  return [
    `${file}: ${rejected.length} of ${total} hunks rejected${others}`,
    ...rejected.map((hunk) => `\nrejected: ${file}, ${describeHunk(hunk)}\n${hunk.text}\n`),
  ];
}

/** Most characters of the detail: it is stored with every cell of the kernel. */
const MAX_DETAIL = 256 << 10;

const atMost = (text: string) =>
  text.length <= MAX_DETAIL
    ? text
    : `${text.slice(0, MAX_DETAIL)}\n[${text.length - MAX_DETAIL} more characters]`;

const hasFailed = ({ refused, rejected }: FileOutcome) => refused !== undefined || rejected.length > 0;

const nameOf = (patch: Patch, series: Series) =>
  `patch ${patch.number}/${series.announced} "${oneLine(patch.subject, 200)}"`;

/** The first file and hunk that fails, for the one-line message. */
function firstPlace(outcomes: readonly FileOutcome[]): string {
  const failed = outcomes.find(hasFailed);
  if (!failed) return 'the whole patch';
  const [hunk] = failed.rejected;
  return hunk ? `${failed.file}, ${describeHunk(hunk)}` : `${failed.file} (${failed.refused})`;
}

/** The verdict on a patch that git refused. Its detail has every rejected hunk, or git's message where no file fails alone. */
export function applyFailed(
  patch: Patch,
  series: Series,
  base: string,
  outcomes: readonly FileOutcome[],
  gitMessage: string,
): VerdictError {
  const rejected = outcomes.reduce((sum, outcome) => sum + outcome.rejected.length, 0);
  const applied = outcomes.reduce((sum, outcome) => sum + outcome.applied.length, 0);
  const counts = rejected > 0 ? ` (${rejected} of ${rejected + applied} hunks rejected)` : '';
  const message = `${nameOf(patch, series)} does not apply to ${base}: ${firstPlace(outcomes)}${counts}`;
  const unexplained = outcomes.some(hasFailed) ? [] : ['', gitMessage.trim()];
  const detail = [message, '', ...outcomes.flatMap(describeFile), ...unexplained];
  return new VerdictError('apply-failed', message, atMost(detail.join('\n')));
}

/** The verdict on a patch that is not applied because of what it would make of the tree. `flaws` name path and mode. */
export function refused(
  patch: Patch,
  series: Series,
  flaws: readonly string[],
  expected: string,
): VerdictError {
  const message = `${nameOf(patch, series)} is refused: ${flaws[0]}`;
  const detail = [
    message,
    ...flaws.slice(1).map((flaw) => `and ${flaw}`),
    `  expected: ${expected}`,
    '  fix: take it out of the patch; if you trust it, commit the series to a git tree and give that with --tree',
  ];
  return new VerdictError('apply-failed', message, detail.join('\n'));
}

/** The verdict on a patch that changes nothing: `empty`, or `already` in the base. */
export function nothingToApply(
  patch: Patch,
  series: Series,
  base: string,
  reason: 'empty' | 'already',
): VerdictError {
  const text = reason === 'empty' ? 'changes nothing' : `is already in ${base}`;
  const message = `${nameOf(patch, series)} ${text}`;
  return new VerdictError('apply-failed', message, atMost(`${message}\nfiles: ${patch.files.join(', ')}`));
}
