import { InputError } from '../core/errors.ts';

/** Names of series: valid as a file name on every system. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Throws InputError when a name cannot be that of a series. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  const expected = 'letters, digits, dot, dash and underscore, not a dot first, at most 100';
  throw new InputError({ what: `"${name}" cannot be the name of a series`, expected });
}

/** Pairs of adjacent letters, with marks for both ends. */
function pairs(text: string): Set<string> {
  const padded = `^${text.toLowerCase()}$`;
  return new Set(Array.from({ length: padded.length - 1 }, (_, at) => padded.slice(at, at + 2)));
}

/** The names most similar to a mistyped one, best first, by the share of common letter pairs. */
export function nearNames(wanted: string, names: readonly string[], count = 3): string[] {
  const wantedPairs = pairs(wanted);
  const similarity = (name: string) => {
    const namePairs = pairs(name);
    const common = [...wantedPairs].filter((pair) => namePairs.has(pair));
    return common.length / Math.max(wantedPairs.size, namePairs.size);
  };
  return names
    .map((name) => ({ name, score: similarity(name) }))
    .filter(({ score }) => score > 0.25)
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ name }) => name);
}
