import { errorText } from '../core/errors.ts';
import { importRun } from '../history/import.ts';
import { openHistory } from '../history/open.ts';
import type { StorePlace } from '../history/place.ts';
import type { StageContext } from '../model/event.ts';
import type { Series } from '../model/series.ts';
import { writeSeries } from '../record/series-file.ts';

/** Longest time that the end of a run waits for its history, ms. An interrupted run has a limit too, so it is not its signal. */
const LIMIT_MS = 20_000;

/**
 * Writes the series of a run beside its record, and adds the run to the history at `store` (none: to no history). What fails is noted and
 * changes nothing of the run: its record is complete, and can be imported later.
 */
export async function keepRun(
  dir: string,
  series: Series | undefined,
  store: StorePlace | undefined,
  { emit }: Pick<StageContext, 'emit'>,
): Promise<void> {
  try {
    if (series) await writeSeries(dir, series);
    if (!store) return;
    const signal = AbortSignal.timeout(LIMIT_MS);
    await using history = await openHistory(store, signal);
    await importRun(history, dir, { signal });
  } catch (error) {
    const subject = store?.label ?? dir;
    emit({ type: 'note', note: { code: 'history.failed', subject, message: errorText(error) } });
  }
}
