/** io_uring and related system calls. Load the addon first: `loadBinding(path)`. */
export { attached, checkRange, inside, integer, type MemoryRange } from './bounds.ts';
export { clockCost, spin } from './clock.ts';
export { type Cqe, decodeCqes } from './cqe.ts';
export { checked, errnoName, SyscallError, TimeoutError } from './error.ts';
export { File, openAs } from './file.ts';
export { Flipper } from './flipper.ts';
export { Mapping, Memory } from './memory.ts';
export { type Bytes, type Indices, loadBinding } from './native.ts';
export { before, deferred, Notice } from './notice.ts';
export { encodeParams, type RingOptions, type RingParams } from './params.ts';
export { Ring, type Turn } from './ring.ts';
export { enter, pread, pwrite, runScript, type Step } from './script.ts';
export { type Ending, Victim, type VictimOptions } from './victim.ts';
