/** The regular expression of a glob pattern: `*` and `?` stand for characters other than `/`, `**` for any. */
function expressionOf(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|[^*?]+/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return part.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${source}$`);
}

/** Whether a text has characters of a glob pattern. */
export const isGlob = (text: string): boolean => /[*?]/.test(text);

/** Whether a path below a folder, with `/`, matches a pattern; `./` before the pattern changes nothing. */
export const matches = (pattern: string, path: string): boolean =>
  expressionOf(pattern.replace(/^\.\//, '')).test(path);

/** The value of the first pattern that matches. */
export function valueFor<T>(values: Readonly<Record<string, T>>, path: string): T | undefined {
  return Object.entries(values).find(([pattern]) => matches(pattern, path))?.[1];
}
