import { HUNK, isNamePair, startsDiff } from './diff-start.ts';

/** A flaw of a diff; `line` is an index into the scanned lines. */
interface Flaw {
  line: number;
  what: string;
}

/** One file of a diff. Names are as in the headers: with `a/` and `b/`, and quoted where git quotes them. */
export interface FileDiff {
  /** Index of its first line. */
  line: number;
  /** Both names of the `diff --git` line. */
  git?: string;
  oldName?: string;
  newName?: string;
  /** Names in rename and copy headers, which have no `a/` or `b/`. */
  moved: string[];
  /** File mode in octal, when the diff creates, deletes or changes it. */
  mode?: string;
  hunks: number;
  binary: boolean;
  /** Added lines without their `+`. */
  added: string[];
  /** Number of removed lines. */
  removed: number;
}

/** A diff, scanned for its files and everything that git apply would refuse or misread. */
export interface DiffScan {
  /** Index of the first line after the diff. */
  end: number;
  files: FileDiff[];
  flaws: Flaw[];
  /** Number of empty context lines without their leading blank. */
  bareBlank: number;
  /** Lines between its files that are no part of it, which git apply skips. */
  ignored: string[];
}

/** Lines that git, diff and version control write above a file of a diff. */
const HEADER =
  /^(?:index |old mode |(?:dis)?similarity index |Index: |={20,}$|diff -(?!-)|Only in |Common subdirectories: |RCS file: |retrieving revision )/;
const INDEX_MODE = /^index [0-9a-f]+\.\.[0-9a-f]+ (\d{6})$/;
const MODE = /^(?:new file mode|new mode|deleted file mode) (\d+)/;
const MOVED = /^(?:rename|copy) (?:from|to) (.*)$/;

/** `-- ` followed by a version or a blank line: the signature of git format-patch and of mailers. */
function isSignature(lines: readonly string[], at: number): boolean {
  return lines[at] === '-- ' && /^(?:\d+\.\d+|\s*$)/.test(lines[at + 1] ?? '');
}

/**
 * Reads the hunk whose header is at `at`, by the counts of that header, so that `-- ` may be a removed line. Returns the index of the line
 * after it.
 */
function readHunk(lines: readonly string[], at: number, file: FileDiff, scan: DiffScan): number {
  const [head, oldText, newText] = HUNK.exec(lines[at] ?? '') ?? [''];
  const shown = head.slice(0, 100);
  const announced = { old: Number(oldText ?? 1), new: Number(newText ?? 1) };
  const actual = { old: 0, new: 0 };
  const counts = () =>
    `${actual.old} of ${announced.old} old and ${actual.new} of ${announced.new} new lines`;
  let cut: { next: number; what: string } | undefined;
  const fail = (line: number, what: string, next: number) => {
    // What ends at a signature was cut off there, whatever the lines of the signature look like.
    scan.flaws.push(cut ? { line: at, what: cut.what } : { line, what });
    return cut?.next ?? next;
  };
  file.hunks++;
  let next = at + 1;
  for (; actual.old < announced.old || actual.new < announced.new; next++) {
    const line = lines[next];
    const cutOff = `the hunk ${shown} is cut off: it has ${counts()}`;
    if (line === undefined) return fail(at, cutOff, next);
    if (isSignature(lines, next)) cut ??= { next, what: cutOff };
    const sign = line[0] ?? ' ';
    if (line === '' && !cut) scan.bareBlank++;
    if (sign === '\\') continue;
    if (!' +-'.includes(sign) || HUNK.test(line))
      return fail(
        next,
        `the hunk ${shown} is interrupted after ${counts()} by the line "${line.slice(0, 60)}"`,
        next,
      );
    if (sign !== '+') actual.old++;
    if (sign !== '-') actual.new++;
    if (sign === '+') file.added.push(line.slice(1));
    if (sign === '-') file.removed++;
  }
  if (actual.old > announced.old || actual.new > announced.new)
    fail(at, `the hunk ${shown} does not add up: it has ${counts()}`, next);
  if (lines[next]?.startsWith('\\')) next++;
  return checkAfter(lines, next, shown, scan);
}

/** Reports a hunk that is followed by further lines of a diff: its header counts too few. Returns `next`. */
function checkAfter(lines: readonly string[], next: number, head: string, scan: DiffScan): number {
  const line = lines[next] ?? '';
  const continues =
    /^[ +-]/.test(line) && line.trim() !== '' && !/^---?\s*$/.test(line) && !isNamePair(lines, next);
  if (continues)
    scan.flaws.push({ line: next, what: `the hunk ${head} has more lines than its header says` });
  return next;
}

function newFile(line: number, git?: string): FileDiff {
  return { line, moved: [], hunks: 0, binary: false, added: [], removed: 0, ...(git ? { git } : {}) };
}

/** Scans a diff from line `from` to its end. Never throws: problems are in `flaws`. */
export function scanDiff(lines: readonly string[], from: number): DiffScan {
  const scan: DiffScan = { end: from, files: [], flaws: [], bareBlank: 0, ignored: [] };
  let file: FileDiff | undefined;
  const open = (next: FileDiff) => {
    scan.files.push(next);
    return next;
  };
  for (let at = from; at < lines.length; scan.end = at) {
    const line = lines[at] ?? '';
    const mode = MODE.exec(line);
    const moved = MOVED.exec(line);
    if (line.startsWith('diff --git ')) {
      file = open(newFile(at++, line.slice('diff --git '.length)));
    } else if (isNamePair(lines, at)) {
      if (!file || file.hunks > 0 || file.oldName !== undefined) file = open(newFile(at));
      file.oldName = line.slice(4);
      file.newName = (lines[at + 1] ?? '').slice(4);
      at += 2;
    } else if (file && HUNK.test(line)) {
      at = readHunk(lines, at, file, scan);
    } else if (/^@@@+ /.test(line) || /^diff --(?:cc|combined) /.test(line)) {
      scan.flaws.push({ line: at++, what: 'a combined diff of a merge cannot be applied' });
    } else if (line.startsWith('GIT binary patch') && file) {
      file.binary = true;
      at = skipBinary(lines, at + 1);
    } else if (/^Binary files .* differ$/.test(line)) {
      scan.flaws.push({ line: at++, what: 'a binary file changes, but its content is not in the diff' });
    } else if (file && (mode || moved)) {
      if (mode) file.mode = mode[1] ?? '';
      if (moved) file.moved.push(moved[1] ?? '');
      at++;
    } else if (HEADER.test(line)) {
      const index = INDEX_MODE.exec(line);
      if (file && index) file.mode ??= index[1] ?? '';
      at++;
    } else {
      const next = nextPart(lines, at);
      if (next < 0) break;
      skipText(lines, at, next, scan);
      at = next;
    }
  }
  return scan;
}

/**
 * Takes account of the lines between two parts of a diff. git apply skips them before a file, but not before a hunk; text that follows a
 * hunk at once may be the rest of a line that a mailer broke.
 */
function skipText(lines: readonly string[], from: number, to: number, scan: DiffScan): void {
  if (scan.flaws.at(-1)?.line === from) return;
  const texts = lines.slice(from, to).filter((line) => line.trim() !== '' && !HEADER.test(line));
  const [first = ''] = texts;
  if (texts.length === 0) return;
  const isApart = (lines[from] ?? '').trim() === '' || isSignature(lines, from);
  if (!isApart || !startsDiff(lines, to))
    scan.flaws.push({ line: from, what: `the line "${first.slice(0, 60)}" is not part of a diff` });
  else scan.ignored.push(...texts.filter((_line, index) => !(index < 2 && isSignature(lines, from))));
}

/** Index of the first line after the data of a `GIT binary patch`. */
function skipBinary(lines: readonly string[], from: number): number {
  let at = from;
  while (at < lines.length && /^(?:(?:literal|delta) \d+$|[A-Za-z]\S+$|$)/.test(lines[at] ?? '')) at++;
  return at;
}

/** Index of the next file or hunk header, or -1. */
function nextPart(lines: readonly string[], at: number): number {
  for (let next = at; next < lines.length; next++) {
    if (startsDiff(lines, next) || HUNK.test(lines[next] ?? '')) return next;
  }
  return -1;
}
