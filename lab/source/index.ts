export { type ApplyOptions, applySeries } from './apply.ts';
export type { NamedSource } from './catalogue.ts';
export { checkSource, sourceName } from './check.ts';
export { dropSource, listSources, updateSources } from './list.ts';
export type { SourceRef } from './names.ts';
export type { NewSource } from './new-source.ts';
export { resolveSource } from './resolve.ts';
export { withRepair } from './snapshot.ts';
export { addSource } from './user-sources.ts';
