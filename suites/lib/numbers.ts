/** A repeatable stream of integers: each call returns one from 0 to `below` - 1, `below` at most 2^31 - 1 (Park and Miller's generator). */
export function numbers(seed: number): (below: number) => number {
  let state = (seed % 2147483646) + 1;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}
