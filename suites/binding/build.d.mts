/** Builds `build/ringlab.node` unless it is up to date; its path. */
export function buildBinding(): Promise<string>;
