/** The part of preprocessed text that comes from files under `folders`: compiler and built-in lines are left out. */
export function ownText(preprocessed: string, folders: readonly string[]): string {
  let own = false;
  const kept: string[] = [];
  for (const line of preprocessed.split('\n')) {
    const file = /^# \d+ "([^"]*)"/.exec(line)?.[1];
    if (file !== undefined) own = folders.some((folder) => file.startsWith(folder));
    else if (own) kept.push(line);
  }
  return kept.join('\n');
}

/** Names of object-like macros that have a body (`gcc -E -dD`). */
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

/** The declarations alone. */
export function withoutDirectives(text: string): string {
  return text.replace(/^#.*$/gm, '');
}
