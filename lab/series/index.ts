export { type ImportOptions, importSeries } from './import.ts';
export { SeriesInfo, seriesFromFolder } from './info.ts';
export { writeMbox } from './mbox-write.ts';
export { findSeries, type ListedSeries, listSeries, resolveStack, saveSeries } from './store.ts';
