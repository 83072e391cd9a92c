export { identifyMail, type MailIdentity } from './identify.ts';
export { type ImportOptions, importSeries, type LoadedSeries } from './import.ts';
export { SeriesInfo } from './info.ts';
export { writeMbox } from './mbox-write.ts';
export { firstPatches } from './prefix.ts';
export { baseOf, isOwnStack, resolveStack, withNeeds } from './stack.ts';
export {
  findSeries,
  type ListedSeries,
  listSeries,
  removeSeries,
  saveSeries,
} from './store.ts';
