/**
 * Builds the native addon unless it is there, and returns its path. `folder` (default suites/binding/build) is made if missing; its
 * addons are named by what they were made from. One that is not as it was built is built again, after a call of `onDamage`. Rejects with the compiler's error (`stderr`) when a source does not compile.
 */
export function buildBinding(folder?: string, onDamage?: (file: string) => void): Promise<string>;
