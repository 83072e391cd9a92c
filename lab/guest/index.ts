export { type AccelFound, probeAccel } from './accel.ts';
export { bootGuest } from './boot.ts';
export { bootPaths, kernelArguments, qemuCommand } from './command.ts';
export type { Patience } from './patience.ts';
export { profiles } from './profiles.ts';
export { type Scratch, scratchFolder } from './scratch.ts';
export { loadProfiles } from './userprofiles.ts';
