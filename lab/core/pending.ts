/** What this process has begun and has to clean up, for a report when it must end before that is done. */

/** A process, folder or lock that is not cleaned up yet. */
interface Pending {
  /** For people: `folder /tmp/ringlab-x`. */
  what: string;
  /** Ends it at once, without waiting: of processes. */
  kill?: () => void;
  /** Removes it at once, when the processes that use it have been killed: of folders. */
  remove?: () => void;
}

const all = new Set<Pending>();

/**
 * Notes that something has to be cleaned up. Disposing says that it is done.
 *
 * @example
 * using _noted = pending(`folder ${dir}`, { remove: () => rmSync(dir, { recursive: true }) });
 */
export function pending(what: string, ways: Omit<Pending, 'what'> = {}): Disposable {
  const entry = { what, ...ways };
  all.add(entry);
  return { [Symbol.dispose]: () => void all.delete(entry) };
}

/** What is not cleaned up yet, in the order in which it was begun. */
export const allPending = (): string[] => [...all].map(({ what }) => what);

/** Calls each; one that fails stops no other. */
function attempt(acts: Iterable<(() => void) | undefined>): void {
  for (const act of acts) {
    try {
      act?.();
    } catch {}
  }
}

/** Ends all processes at once; what only a process can clean up stays. */
export const killPending = (): void => attempt([...all].map(({ kill }) => kill));

/** Removes all folders at once, newest first. May take as long as their file system does. */
export const removePending = (): void => attempt([...all].reverse().map(({ remove }) => remove));
