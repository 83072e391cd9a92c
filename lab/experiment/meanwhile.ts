import type { StageContext } from '../model/event.ts';

/**
 * Starts `prepare` and hands its promise to `use`, which awaits it when it needs the result: a failure is thrown there. When
 * `use` ends first, `prepare` is aborted; both have ended when this returns.
 */
export async function meanwhile<T, R>(
  prepare: (ctx: StageContext) => Promise<T>,
  use: (prepared: Promise<T>) => Promise<R>,
  ctx: StageContext,
): Promise<R> {
  const stop = new AbortController();
  const prepared = prepare({ ...ctx, signal: AbortSignal.any([ctx.signal, stop.signal]) });
  const settled = prepared.then(
    () => {},
    () => {},
  );
  try {
    return await use(prepared);
  } finally {
    stop.abort();
    await settled;
  }
}

/** As `Promise.all`, but a failure is thrown after all have ended: nothing goes on behind the caller's back. */
export async function allEnded<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}
