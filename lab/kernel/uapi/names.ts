/** The lines of preprocessed text that come from files under `folders`, without line markers (cpp manual, "Preprocessor Output"). */
export function textFrom(preprocessed: string, folders: readonly string[]): string {
  let inside = false;
  const lines: string[] = [];
  for (const line of preprocessed.split('\n')) {
    const file = /^# \d+ "([^"]*)"/.exec(line)?.[1];
    if (file !== undefined) inside = folders.some((folder) => file.startsWith(folder));
    else if (inside) lines.push(line);
  }
  return lines.join('\n');
}

/** Names of object-like macros with a body, from the output of `gcc -E -dD`. */
export function macroNames(text: string): string[] {
  const names = [...text.matchAll(/^#define (\w+) \S/gm)].map((match) => match[1] ?? '');
  return [...new Set(names)];
}

/** Names of the enumerators of every enum with a body. */
export function enumeratorNames(text: string): string[] {
  const code = withoutDirectives(text);
  const bodies = [...code.matchAll(/\benum\b[^{;()]*\{([^}]*)\}/g)].map((match) => match[1] ?? '');
  const names = bodies.flatMap((body) => body.split(',').map((part) => /^\s*(\w+)/.exec(part)?.[1] ?? ''));
  return [...new Set(names.filter(Boolean))];
}

/** The text with preprocessor directives emptied. */
export function withoutDirectives(text: string): string {
  return text.replace(/^#.*$/gm, '');
}
