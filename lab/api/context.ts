import { cacheRoot } from '../core/cache.ts';
import { checkTemporaryFolder } from '../core/path-characters.ts';
import { asReported } from '../core/storage.ts';
import { contextOf, type LabEvent, type StageContext } from '../model/event.ts';
import { EventLog } from '../record/event-log.ts';
import type { RecordOptions, WorkOptions } from './options.ts';

/**
 * Runs `work` with the caller's signal; events go to `onEvent` and to `eventsFile`. Throws InputError when that file cannot be written
 * or cache or temporary files have a path that cannot be used, LabError when a disk is full or fails, and as `work`.
 */
export async function inContext<T>(
  {
    signal = new AbortController().signal,
    onEvent,
    eventsFile,
    unsafeNoSandbox,
  }: WorkOptions & RecordOptions,
  work: (ctx: StageContext) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  checkTemporaryFolder();
  cacheRoot();
  using log = eventsFile === undefined ? undefined : new EventLog(eventsFile);
  const take = (event: LabEvent) => {
    log?.take(event);
    onEvent?.(event);
  };
  // Awaited here: the log is closed when the work has ended.
  const all = log ? AbortSignal.any([signal, log.failed]) : signal;
  try {
    return await work(contextOf(all, take, { unsafeNoSandbox }));
  } catch (error) {
    throw asReported(error);
  }
}
