export { recordChars } from './collect.ts';
export type { Ending } from './ending.ts';
export { type ExitConvention, exitConvention } from './exit.ts';
export { lastWords, reasonOfExit, signalOf } from './exit-reason.ts';
export { type TapOptions, TapStream } from './stream.ts';
