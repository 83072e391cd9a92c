export { type ImportOptions, importSeries } from './import.ts';
export { SeriesInfo, seriesFromFolder } from './info.ts';
export { writeMbox } from './mbox-write.ts';
export {
  baseOf,
  findSeries,
  type ListedSeries,
  listSeries,
  needing,
  resolveStack,
  saveSeries,
} from './store.ts';
