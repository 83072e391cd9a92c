/** A ublk server and its clients, and tests of a server that a suite registers with its own data path. */
export { runCommand, UblkClient } from './client.ts';
export { type DeviceInfo, type DeviceParams, UblkControl } from './control.ts';
export { dataTests } from './data.ts';
export { type DataPath, pathOptions, testEachTarget, USER_COPY, ZERO_COPY } from './datapath.ts';
export { deathTests } from './death.ts';
export { eventually, MIB, startServer, temporaryPath, UBLK_NEEDS } from './fixtures.ts';
export type { HeldRequests } from './gate.ts';
export { PeerServer, type PeerServerOptions, peerServer } from './peer.ts';
export { type Completion, Pump, type PumpSqe, writePumpSqe } from './pump.ts';
export type { Port, Queue, Strategy } from './queue.ts';
export { recorded, totalLength } from './recorded.ts';
export { type BlockRequest, SECTOR } from './request.ts';
export { type ServerOptions, UblkServer, USER_COPY_FLAGS, ZERO_COPY_FLAGS } from './server.ts';
export { shapeTests } from './shapes.ts';
export { copyIn, copyOut, type StrategyFactory, transferSqe, userCopy, zeroCopy } from './strategy.ts';
export { deviceTarget, fileTarget, memoryTarget, type Target } from './target.ts';
