import { LabError, VerdictError } from '../core/errors.ts';
import { type SourceTree, sourceOf } from '../model/kernel.ts';
import { type DiskLimit, isDiskFull } from './disk.ts';
import { type BuildLog, readLog, withoutRoots } from './log.ts';

/** Messages that mean that the machine failed, not the kernel. */
const HOST_FAILURE =
  /No space left on device|Killed signal terminated program|: Killed$|Cannot allocate memory|command not found|: not found$|Read-only file system|Disk quota exceeded/;

const CONTEXT_LINES = 3;
const MAX_ERRORS = 10;
/** Characters of one line of evidence, and of the line that names the failure: a build may print anything. */
const MAX_LINE = 500;
const MAX_HEADLINE = 300;

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length)}…` : text);

/** The errors with the lines around them, as printed. */
function excerpt({ errors, lines }: BuildLog): string {
  const shorten = (line: string) => cut(line, MAX_LINE);
  if (errors.length === 0) return lines.slice(-25).map(shorten).join('\n').trim();
  const shown = new Set<number>();
  for (const { index } of errors.slice(0, MAX_ERRORS))
    for (let at = Math.max(0, index - CONTEXT_LINES); at <= index + CONTEXT_LINES; at++) shown.add(at);
  const text = [...shown]
    .sort((a, b) => a - b)
    .flatMap((at) => lines[at] ?? [])
    .map(shorten);
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
 * Whether a line of the log proves that the machine failed. A series may print such a line itself: of a tree with patches, whose source
 * builds here, only a full disk counts, and only when it is.
 */
function isMachinesFault(tree: SourceTree, line: string): boolean {
  if (!sourceOf(tree)) return true;
  return /No space left|quota exceeded/.test(line) && isDiskFull(tree.workDir);
}

/**
 * The error for a failed make, from its log: VerdictError `build-failed`, or LabError when the machine is at fault. `roots` are the
 * source and object folders, whose paths are cut from the messages; `disk` is the limit of the build, which may have filled the disk itself.
 */
export async function failureOf(
  tree: SourceTree,
  log: string,
  roots: readonly string[],
  disk?: DiskLimit,
): Promise<LabError | VerdictError> {
  const parsed = readLog(log, roots);
  const { name } = tree;
  const line = parsed.lines.find((each) => HOST_FAILURE.test(each));
  if (line !== undefined && isMachinesFault(tree, line)) {
    const excess = await disk?.excess();
    if (excess !== undefined)
      return new VerdictError('build-failed', `${name} does not build: its build ${excess}`, excess);
    const reason = cut(withoutRoots(line, roots), MAX_HEADLINE);
    return new LabError(`the build of ${name} failed because of this machine: ${reason}`);
  }
  const message = `${name} does not build: ${cut(headline(parsed), MAX_HEADLINE)}`;
  return new VerdictError('build-failed', message, withoutRoots(excerpt(parsed), roots));
}
