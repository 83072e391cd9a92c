export { type ImportOptions, importSeries } from './import.ts';
export { SeriesInfo, seriesFromFolder } from './info.ts';
export { writeMbox } from './mbox-write.ts';
export { firstPatches } from './prefix.ts';
export {
  baseOf,
  findSeries,
  type ListedSeries,
  type LoadedSeries,
  listSeries,
  resolveStack,
  saveSeries,
  withNeeds,
} from './store.ts';
