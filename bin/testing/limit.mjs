/** A time within which everything ends, so that a run on a slow machine ends within what its CI grants. */
export class TimeLimit {
  #minutes;

  /** @param {string | undefined} minutes from the start of this process; absent: no limit. Throws for anything but a positive number. */
  constructor(minutes) {
    if (minutes !== undefined && !(Number(minutes) > 0))
      throw new Error(`--within ${minutes}: expected a number of minutes`);
    this.#minutes = minutes === undefined ? Number.POSITIVE_INFINITY : Number(minutes);
  }

  /** Whether what takes about `expected` ms may begin now. */
  allows(expected) {
    return performance.now() + expected < this.#minutes * 60_000;
  }

  /** Why something does not begin. */
  get reason() {
    return `no time is left of ${this.#minutes} min (--within)`;
  }
}
