import { InputError } from '../core/errors.ts';

/** A name that can stand as a file name everywhere. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function checkName(name: string): void {
  if (NAME.test(name)) return;
  const expected = 'letters, digits, dot, dash and underscore, not a dot first, at most 100';
  throw new InputError({ what: `"${name}" cannot be the name of a series`, expected });
}

function pairs(text: string): Set<string> {
  const padded = `^${text.toLowerCase()}$`;
  return new Set(Array.from({ length: padded.length - 1 }, (_, at) => padded.slice(at, at + 2)));
}

/** The names most like a mistyped one, best first (by shared pairs of letters). */
export function nearNames(wanted: string, names: readonly string[], count = 3): string[] {
  const own = pairs(wanted);
  const likeness = (name: string) => {
    const other = pairs(name);
    return [...own].filter((pair) => other.has(pair)).length / Math.max(own.size, other.size);
  };
  return names
    .map((name) => ({ name, score: likeness(name) }))
    .filter(({ score }) => score > 0.25)
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ name }) => name);
}
