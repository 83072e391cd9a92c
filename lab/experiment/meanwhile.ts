import type { StageContext } from '../model/event.ts';

/**
 * Starts `prepare` and hands its promise to `use`, which awaits it when it needs the result. What fails ends the other: when `prepare`
 * fails, the context of `use` is aborted and the failure is thrown; when `use` ends first, `prepare` is aborted. Both have ended when
 * this returns.
 */
export async function meanwhile<T, R>(
  prepare: (ctx: StageContext) => Promise<T>,
  use: (prepared: Promise<T>, ctx: StageContext) => Promise<R>,
  ctx: StageContext,
): Promise<R> {
  const stop = new AbortController();
  const failed = new AbortController();
  const prepared = prepare({ ...ctx, signal: AbortSignal.any([ctx.signal, stop.signal]) });
  const settled = prepared.then(
    () => {},
    (error) => failed.abort(error),
  );
  try {
    return await use(prepared, { ...ctx, signal: AbortSignal.any([ctx.signal, failed.signal]) });
  } catch (error) {
    throw failed.signal.aborted ? failed.signal.reason : error;
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
