/** Times that only tests change. */
export interface Timeouts {
  /** A guest is silent when it answers none of `misses` keepalive messages, `intervalMs` apart. */
  heartbeat: { intervalMs: number; misses: number };
  /** How long QEMU may outlive the SSH connection that its end breaks, ms. */
  shutdownMs: number;
  /** Makes the signal that fires when a boot has taken `ms`; default `AbortSignal.timeout`. */
  deadline?: (ms: number) => AbortSignal;
}

/** Two minutes of silence: far longer than a slow debug kernel under emulation takes to answer. */
export const DEFAULT_TIMEOUTS: Timeouts = { heartbeat: { intervalMs: 15_000, misses: 8 }, shutdownMs: 5_000 };

/** The promise's value, or undefined when it takes longer. Rejects when the promise rejects in time. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * As `within`, for a promise that I/O settles which is already under way. When a busy machine wakes the lab late, the timer is due
 * together with the I/O and would win: the I/O is polled again before the wait is given up.
 */
export async function withinAndPolled<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const value = await within(ms, promise);
  if (value !== undefined) return value;
  const polled = async () => {
    // Each turn of the event loop polls once; the second turn runs what the first turn's callbacks began.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    return undefined;
  };
  return Promise.race([promise, polled()]);
}

/** Rejects when `signal` fires. */
export const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
