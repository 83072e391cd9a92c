export { buildKernel } from './build.ts';
export { buildEach } from './each.ts';
export { findKernel } from './find.ts';
export { checkConfig, defaultConfig } from './request.ts';
export type { BuildOptions, StepBuild } from './types.ts';
