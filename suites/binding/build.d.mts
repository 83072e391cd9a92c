/** Builds `build/ringlab.node` unless it is up to date, and returns its path. Rejects with the compiler's error. */
export function buildBinding(): Promise<string>;
