export { type ImportOptions, importSeries, type LoadedSeries } from './import.ts';
export { SeriesInfo } from './info.ts';
export { writeMbox } from './mbox-write.ts';
export { firstPatches } from './prefix.ts';
export {
  baseOf,
  findSeries,
  type ListedSeries,
  listSeries,
  resolveStack,
  saveSeries,
  withNeeds,
} from './store.ts';
