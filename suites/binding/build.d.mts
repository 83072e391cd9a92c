/**
 * Builds the native addon unless it is there, and returns its path. `folder` (default suites/binding/build) is made if missing; its
 * addons are named by what they were made from. Rejects with the compiler's error (`stderr`) when a source does not compile.
 */
export function buildBinding(folder?: string): Promise<string>;
