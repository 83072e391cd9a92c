import { LabError } from '../core/errors.ts';
import type { Series } from '../model/series.ts';

/** The series as an mboxrd that `git am` and `importSeries` take. */
export function writeMbox(series: Series): string {
  throw new LabError(`not there yet: ${series.name}`);
}
