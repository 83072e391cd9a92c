/** A repeatable stream of numbers below 2^31 (Park and Miller's generator). */
export function numbers(seed: number): (below: number) => number {
  let state = (seed % 2147483646) + 1;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}
