import { LabError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { Series } from '../model/series.ts';
import type { SeriesInfo } from './info.ts';

export interface ListedSeries {
  name: string;
  title: string;
  /** Under kernels/series/, or imported into the cache. */
  from: 'own' | 'imported';
  patches: number;
  version: number;
  id: string;
}

/** Keeps an imported series under its name; returns the file. */
export async function saveSeries(series: Series): Promise<string> {
  throw new LabError(`not there yet: ${series.name}`);
}

export async function listSeries(_ctx: StageContext): Promise<ListedSeries[]> {
  throw new LabError('not there yet');
}

/** Looks a series up: name under kernels/series/, imported name, then a path that importSeries takes. */
export async function findSeries(
  nameOrPath: string,
  _ctx: StageContext,
): Promise<{ series: Series; info?: SeriesInfo }> {
  throw new LabError(`not there yet: ${nameOrPath}`);
}

/** The series and those it needs, in the order to apply them. */
export async function resolveStack(
  nameOrPath: string,
  _ctx: StageContext,
): Promise<{ series: Series; info?: SeriesInfo }[]> {
  throw new LabError(`not there yet: ${nameOrPath}`);
}
