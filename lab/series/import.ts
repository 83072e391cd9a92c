import { LabError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { Series } from '../model/series.ts';

export interface ImportOptions {
  /** Which posting of a thread; default the newest. */
  version?: number;
  /** Default: the title as a slug. */
  name?: string;
  /** Repository of a git range; default the current folder. */
  repo?: string;
}

export async function importSeries(
  source: string,
  _options: ImportOptions,
  _ctx: StageContext,
): Promise<Series> {
  throw new LabError(`not there yet: ${source}`);
}
