export { type ApplyOptions, applySeries } from './apply.ts';
export { listSources, resolveSource, type SourceRef } from './resolve.ts';
