export { buildKernel } from './build.ts';
export { buildEach } from './each.ts';
export { findKernel } from './find.ts';
export { defaultConfig } from './request.ts';
export { sandboxWorks } from './sandbox.ts';
export type { BuildOptions, StepBuild } from './types.ts';
