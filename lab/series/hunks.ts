/** A flaw of a diff; `line` counts from 0 in the scanned lines. */
export interface Flaw {
  line: number;
  what: string;
}

/** One file of a diff, names as they are written (with `a/` and `b/`), still quoted where git quoted them. */
export interface FileDiff {
  line: number;
  git?: string;
  oldName?: string;
  newName?: string;
  /** Names of rename and copy headers; these carry no `a/` or `b/`. */
  moved: string[];
  mode?: string;
  hunks: number;
  binary: boolean;
  added: string[];
  removed: number;
}

export interface DiffScan {
  /** First line behind the diff. */
  end: number;
  files: FileDiff[];
  flaws: Flaw[];
  /** Empty context lines that lost their leading blank. */
  bareBlank: number;
}

const HUNK = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/;
const HEADER = /^(?:index |old mode |(?:dis)?similarity index |Index: |={20,}$)/;
const MODE = /^(?:new file mode|new mode|deleted file mode) (\d+)/;
const MOVED = /^(?:rename|copy) (?:from|to) (.*)$/;

/** Whether a diff starts at this line. */
export function startsDiff(lines: readonly string[], at: number): boolean {
  const line = lines[at] ?? '';
  if (line.startsWith('diff --git ')) return true;
  return isNamePair(lines, at) && HUNK.test(lines[at + 2] ?? '');
}

function isNamePair(lines: readonly string[], at: number): boolean {
  return /^--- \S/.test(lines[at] ?? '') && /^\+\+\+ \S/.test(lines[at + 1] ?? '');
}

/** `-- ` with a version or nothing behind it: what git format-patch and mailers put under a patch. */
function isSignature(lines: readonly string[], at: number): boolean {
  return lines[at] === '-- ' && /^(?:\d+\.\d+|\s*$)/.test(lines[at + 1] ?? '');
}

/** Reads one hunk from its header at `at`, by the counts of that header. Returns the line behind it. */
function readHunk(lines: readonly string[], at: number, file: FileDiff, scan: DiffScan): number {
  const [head, oldText, newText] = HUNK.exec(lines[at] ?? '') ?? [''];
  const wanted = { old: Number(oldText ?? 1), new: Number(newText ?? 1) };
  const got = { old: 0, new: 0 };
  const counts = () => `${got.old} of ${wanted.old} old and ${got.new} of ${wanted.new} new lines`;
  file.hunks++;
  let next = at + 1;
  for (; got.old < wanted.old || got.new < wanted.new; next++) {
    const line = lines[next];
    if (line === undefined || isSignature(lines, next)) {
      scan.flaws.push({ line: at, what: `the hunk ${head} is cut off: it has ${counts()}` });
      return next;
    }
    const sign = line[0] ?? ' ';
    if (line === '') scan.bareBlank++;
    if (sign === '\\') continue;
    if (!' +-'.includes(sign) || HUNK.test(line)) {
      const what = `the hunk ${head} has ${counts()} when it is broken by the line "${line.slice(0, 60)}"`;
      scan.flaws.push({ line: next, what });
      return next;
    }
    if (sign !== '+') got.old++;
    if (sign !== '-') got.new++;
    if (sign === '+') file.added.push(line.slice(1));
    if (sign === '-') file.removed++;
  }
  if (got.old > wanted.old || got.new > wanted.new) {
    scan.flaws.push({ line: at, what: `the hunk ${head} does not add up: it has ${counts()}` });
  }
  if (lines[next]?.startsWith('\\')) next++;
  return checkBehind(lines, next, head, scan);
}

/** A line of a diff right behind a complete hunk means that the header counts too few. */
function checkBehind(lines: readonly string[], next: number, head: string, scan: DiffScan): number {
  const line = lines[next] ?? '';
  const more = /^[ +-]/.test(line) && line.trim() !== '' && !/^--\s*$/.test(line) && !isNamePair(lines, next);
  if (more) scan.flaws.push({ line: next, what: `the hunk ${head} has more lines than its header says` });
  return next;
}

function newFile(line: number, git?: string): FileDiff {
  return { line, moved: [], hunks: 0, binary: false, added: [], removed: 0, ...(git ? { git } : {}) };
}

/** Reads a diff from line `from` to its end. Never throws: everything wrong is in `flaws`. */
export function scanDiff(lines: readonly string[], from: number): DiffScan {
  const scan: DiffScan = { end: from, files: [], flaws: [], bareBlank: 0 };
  let file: FileDiff | undefined;
  const open = (fresh: FileDiff) => {
    scan.files.push(fresh);
    return fresh;
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
      scan.flaws.push({ line: at++, what: 'a binary file is changed but its content is not there' });
    } else if (file && (mode || moved)) {
      if (mode) file.mode = mode[1] ?? '';
      if (moved) file.moved.push(moved[1] ?? '');
      at++;
    } else if (HEADER.test(line)) {
      at++;
    } else {
      const more = nextPart(lines, at);
      if (more < 0 || isSignature(lines, at)) break;
      const told = scan.flaws.at(-1)?.line === at;
      if (!told && lines.slice(at, more).some((between) => between.trim() !== '')) {
        scan.flaws.push({ line: at, what: `"${line.slice(0, 60)}" stands in the middle of the diff` });
      }
      at = more;
    }
  }
  return scan;
}

function skipBinary(lines: readonly string[], from: number): number {
  let at = from;
  while (at < lines.length && /^(?:(?:literal|delta) \d+$|[A-Za-z]\S+$|$)/.test(lines[at] ?? '')) at++;
  return at;
}

/** Where the diff goes on behind other text, or -1. */
function nextPart(lines: readonly string[], at: number): number {
  for (let next = at; next < lines.length; next++) {
    if (startsDiff(lines, next) || HUNK.test(lines[next] ?? '')) return next;
  }
  return -1;
}
