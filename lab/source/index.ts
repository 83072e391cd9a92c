export { type ApplyOptions, applySeries } from './apply.ts';
export { DEFAULT_KERNEL, hasCommit, listSources, resolveSource, type SourceRef } from './resolve.ts';
