export { buildForeign, type KernelCommit, missingSource } from './build.ts';
export { readOrigins } from './origin.ts';
