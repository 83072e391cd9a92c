/** Times that only tests change. */
export interface Patience {
  /** A guest is silent when it answers none of `misses` questions, `intervalMs` apart: far longer than a slow one takes. */
  heartbeat: { intervalMs: number; misses: number };
  /** How long QEMU may outlive the SSH connection that its end breaks, ms. */
  partingMs: number;
}

export const PATIENCE: Patience = { heartbeat: { intervalMs: 15_000, misses: 8 }, partingMs: 5_000 };

/** The promise's value, or undefined when it takes longer. */
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
