export { defaultConfig } from './request.ts';
export type { BuildOptions, StepBuild } from './types.ts';
