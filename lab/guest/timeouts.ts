/** Times that only tests change. */
export interface Timeouts {
  /** A guest is silent when it answers none of `misses` keepalive messages, `intervalMs` apart. */
  heartbeat: { intervalMs: number; misses: number };
  /** How long QEMU may outlive the SSH connection that its end breaks, ms. */
  shutdownMs: number;
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
