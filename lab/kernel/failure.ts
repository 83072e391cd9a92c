import { LabError, VerdictError } from '../core/errors.ts';
import { type BuildLog, readLog, withoutRoots } from './log.ts';

/** Signs that the machine failed, not the kernel. */
const hostFault =
  /No space left on device|Killed signal terminated program|: Killed$|Cannot allocate memory|command not found|: not found$|Read-only file system|Disk quota exceeded/;

const context = 3;
const shownErrors = 10;

/** The errors with the lines around them, as printed. */
function excerpt({ errors, lines }: BuildLog): string {
  if (errors.length === 0) return lines.slice(-25).join('\n').trim();
  const wanted = new Set<number>();
  for (const { index } of errors.slice(0, shownErrors))
    for (let at = Math.max(0, index - context); at <= index + context; at++) wanted.add(at);
  const shown = [...wanted].sort((a, b) => a - b).flatMap((at) => lines[at] ?? []);
  const more = errors.length - shownErrors;
  return [...shown, ...(more > 0 ? [`... and ${more} more errors`] : [])].join('\n').trim();
}

/** `file:line: message` of the first error; make's own last word where no tool named one. */
function headline({ errors, lines }: BuildLog): string {
  const [first] = errors;
  if (first) return `${first.file}${first.line === undefined ? '' : `:${first.line}`}: ${first.message}`;
  return lines.findLast((line) => line.includes('***')) ?? 'make failed without a message';
}

/** The error that a failed make stands for: `build-failed`, or LabError when the machine is at fault. */
export function failureOf(name: string, log: string, roots: readonly string[]): LabError | VerdictError {
  const read = readLog(log, roots);
  const host = read.lines.find((line) => hostFault.test(line));
  if (host !== undefined)
    return new LabError(`the build of ${name} could not go on: ${withoutRoots(host, roots)}`);
  return new VerdictError(
    'build-failed',
    `${name} does not build: ${headline(read)}`,
    withoutRoots(excerpt(read), roots),
  );
}
