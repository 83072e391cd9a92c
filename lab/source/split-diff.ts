/** The part of a diff that changes one file. */
export interface FilePart {
  /** Name before the change, or after it when the file is new. */
  file: string;
  text: string;
  /** First old line of each hunk, from its header. */
  hunkLines: number[];
}

const START = /^(?=diff --git )/m;

function nameOf(part: string): string {
  const [, before] = /^--- (?:"?[^/\n]*\/)([^\t\n"]*)/m.exec(part) ?? [];
  const [, after] = /^\+\+\+ (?:"?[^/\n]*\/)([^\t\n"]*)/m.exec(part) ?? [];
  const [, moved] = /^rename from (.*)$/m.exec(part) ?? [];
  const [, header] = /^diff --git \S+? [^/\s]*\/(.*)$/m.exec(part) ?? [];
  const old = before !== undefined && !/^--- \/dev\/null/m.test(part) ? before : undefined;
  return moved ?? old ?? after ?? header ?? '?';
}

/** Splits a diff by files; one without `diff --git` lines before each `--- ` that a `+++ ` follows. */
export function splitDiff(diff: string): FilePart[] {
  const parts = diff.startsWith('diff --git ')
    ? diff.split(START)
    : diff.split(/^(?=--- [^\n]*\n\+\+\+ [^\n]*\n@@ )/m);
  return parts
    .filter((text) => text.trim() !== '')
    .map((text) => ({
      file: nameOf(text),
      text,
      hunkLines: [...text.matchAll(/^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@/gm)].map((match) =>
        Number(match[1]),
      ),
    }));
}
