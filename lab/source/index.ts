export { type ApplyOptions, applySeries } from './apply.ts';
export { checkSource, sourceName } from './check.ts';
export type { SourceRef } from './names.ts';
export { resolveSource } from './resolve.ts';
export { withRepair } from './snapshot.ts';
