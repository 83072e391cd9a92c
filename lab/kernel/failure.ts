import { LabError, VerdictError } from '../core/errors.ts';
import { type BuildLog, readLog, withoutRoots } from './log.ts';

/** Messages that mean that the machine failed, not the kernel. */
const HOST_FAILURE =
  /No space left on device|Killed signal terminated program|: Killed$|Cannot allocate memory|command not found|: not found$|Read-only file system|Disk quota exceeded/;

const CONTEXT_LINES = 3;
const MAX_ERRORS = 10;

/** The errors with the lines around them, as printed. */
function excerpt({ errors, lines }: BuildLog): string {
  if (errors.length === 0) return lines.slice(-25).join('\n').trim();
  const shown = new Set<number>();
  for (const { index } of errors.slice(0, MAX_ERRORS))
    for (let at = Math.max(0, index - CONTEXT_LINES); at <= index + CONTEXT_LINES; at++) shown.add(at);
  const text = [...shown].sort((a, b) => a - b).flatMap((at) => lines[at] ?? []);
  const more = errors.length - MAX_ERRORS;
  return [...text, ...(more > 0 ? [`... and ${more} more errors`] : [])].join('\n').trim();
}

/** `file:line: message` of the first error, or make's last `***` line when no tool reported one. */
function headline({ errors, lines }: BuildLog): string {
  const [first] = errors;
  if (first) return `${first.file}${first.line === undefined ? '' : `:${first.line}`}: ${first.message}`;
  return lines.findLast((line) => line.includes('***')) ?? 'make failed without a message';
}

/**
 * The error for a failed make, from its log: VerdictError `build-failed`, or LabError when the machine is at fault. `roots` are the
 * source and object folders, whose paths are cut from the messages.
 */
export function failureOf(name: string, log: string, roots: readonly string[]): LabError | VerdictError {
  const parsed = readLog(log, roots);
  const hostFailure = parsed.lines.find((line) => HOST_FAILURE.test(line));
  if (hostFailure !== undefined)
    return new LabError(
      `the build of ${name} failed because of this machine: ${withoutRoots(hostFailure, roots)}`,
    );
  return new VerdictError(
    'build-failed',
    `${name} does not build: ${headline(parsed)}`,
    withoutRoots(excerpt(parsed), roots),
  );
}
