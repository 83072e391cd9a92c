/** Pairs of adjacent letters, with marks for both ends. */
function pairs(text: string): Set<string> {
  const padded = `^${text.toLowerCase()}$`;
  return new Set(Array.from({ length: padded.length - 1 }, (_, at) => padded.slice(at, at + 2)));
}

const lettersOf = (text: string): string => [...text.toLowerCase()].sort().join('');

/** The names most similar to a mistyped one, best first: those with more than `share` of their letter pairs in common. */
export function nearNames(wanted: string, names: readonly string[], count = 3, share = 0.25): string[] {
  const wantedPairs = pairs(wanted);
  const letters = lettersOf(wanted);
  const similarity = (name: string) => {
    const namePairs = pairs(name);
    const common = [...wantedPairs].filter((pair) => namePairs.has(pair));
    const ofPairs = common.length / Math.max(wantedPairs.size, namePairs.size);
    // Two letters that changed places leave few pairs of a short name: `foi`.
    return lettersOf(name) === letters ? (1 + ofPairs) / 2 : ofPairs;
  };
  return names
    .map((name) => ({ name, score: similarity(name) }))
    .filter(({ score }) => score > share)
    .sort((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ name }) => name);
}

/** `perhaps a or b; one of a, b, c`: what was expected in place of a name that does not exist. */
export function expectedNames(wanted: string, names: readonly string[]): string {
  const near = nearNames(wanted, names);
  const all = `one of ${names.join(', ')}`;
  return near.length > 0 ? `perhaps ${near.join(' or ')}; ${all}` : all;
}
