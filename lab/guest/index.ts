export { probeAccel } from './accel.ts';
export { bootGuest } from './boot.ts';
export { qemuCommand } from './command.ts';
export { profiles } from './profiles.ts';
export { scratchFolder } from './scratch.ts';
export type { Timeouts } from './timeouts.ts';
export { loadProfiles } from './userprofiles.ts';
