/** See narrow.mjs. */
export function narrow(
  last: number,
  judge: (candidate: number) => Promise<'good' | 'bad' | 'skip'>,
): Promise<number[]>;
