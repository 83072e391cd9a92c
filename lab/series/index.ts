export { type ImportOptions, importSeries } from './import.ts';
export { SeriesInfo, seriesFromFolder } from './info.ts';
export { writeMbox } from './mbox-write.ts';
export {
  baseOf,
  findSeries,
  type ListedSeries,
  listSeries,
  resolveStack,
  saveSeries,
  withNeeds,
} from './store.ts';
