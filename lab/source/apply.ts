import { LabError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import type { Series } from '../model/series.ts';

export interface ApplyOptions {
  /** Apply what is there of a series that has patches missing. */
  allowMissing?: boolean;
}

/** `tree` is the last of `steps`, one state for each patch. */
export async function applySeries(
  base: SourceTree,
  series: Series,
  _ctx: StageContext,
  _options: ApplyOptions = {},
): Promise<{ tree: SourceTree; steps: SourceTree[] }> {
  throw new LabError(`not there yet: ${base.name} ${series.name}`);
}
