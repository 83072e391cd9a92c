import { contextOf, type LabEvent, type StageContext } from '../model/event.ts';
import { EventLog } from '../record/event-log.ts';
import type { RecordOptions, WorkOptions } from './options.ts';

/** Runs `work` with the caller's signal; events go to `onEvent` and to `eventsFile`. Throws InputError when the file cannot be written. */
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
  using log = eventsFile === undefined ? undefined : new EventLog(eventsFile);
  const take = (event: LabEvent) => {
    log?.take(event);
    onEvent?.(event);
  };
  // Awaited here: the log is closed when the work has ended.
  return await work(contextOf(signal, take, { unsafeNoSandbox }));
}
