/** Effective uid of calls that must have no capabilities. */
const UNPRIVILEGED_UID = 65534;

/** Calls with an effective uid other than root's, and so without capabilities. Throws what the call throws. */
export function unprivileged<T>(call: () => T): T {
  process.seteuid?.(UNPRIVILEGED_UID);
  try {
    return call();
  } finally {
    process.seteuid?.(0);
  }
}
