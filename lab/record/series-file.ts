import { join } from 'node:path';
import { writeJson } from '../core/atomic.ts';
import type { Series } from '../model/series.ts';

/** The file of a run's folder that has the series that was tested, patches and cover letter included. */
export const SERIES_FILE = 'series.json';

/** Writes the series that a run tests into the folder of its record. Throws the error of the file system. */
export function writeSeries(dir: string, series: Series): Promise<void> {
  return writeJson(join(dir, SERIES_FILE), series);
}
