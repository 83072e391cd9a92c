import { type Needs, type Test, test } from '../base.ts';
import { temporaryPath, UBLK_NEEDS } from './fixtures.ts';
import { type ServerOptions, USER_COPY_FLAGS, ZERO_COPY_FLAGS } from './server.ts';
import { type StrategyFactory, userCopy, ZERO_COPY_UAPI, zeroCopy } from './strategy.ts';
import { deviceTarget, fileTarget, memoryTarget, type Target } from './target.ts';

/** Makes a target of `size` bytes that lives until the test ends. */
type MakeTarget = (t: Test, size: number) => Target;

/** How a server moves the data of requests, and the targets that the shared tests use with it. */
export interface DataPath {
  makeStrategy: StrategyFactory;
  /** UBLK_F_ names. */
  flags: readonly string[];
  needs: Needs;
  targets: readonly TargetKind[];
  /** The target of tests that check the device and not its target. */
  scratch: MakeTarget;
}

type TargetKind = 'memory' | 'file' | 'drive';

const TARGETS: Record<TargetKind, { needs: Needs; make: MakeTarget }> = {
  memory: { needs: {}, make: memoryTarget },
  file: { needs: {}, make: (t, size) => fileTarget(t, temporaryPath(t), size) },
  drive: { needs: { devices: ['data'] }, make: (t, size) => deviceTarget(t, t.device('data'), size) },
};

/** Registers one test for each target of a data path, titled `<title>: <kind> target`. */
export function testEachTarget(
  { targets }: DataPath,
  title: string,
  body: (t: Test, makeTarget: (size: number) => Target) => Promise<void>,
): void {
  for (const kind of targets) {
    const { needs, make } = TARGETS[kind];
    test(`${title}: ${kind} target`, needs, (t) => body(t, (size) => make(t, size)));
  }
}

/** UBLK_F_USER_COPY: data goes through memory of the server. */
export const USER_COPY: DataPath = {
  makeStrategy: userCopy,
  flags: USER_COPY_FLAGS,
  needs: UBLK_NEEDS,
  targets: ['memory', 'file', 'drive'],
  scratch: memoryTarget,
};

/** UBLK_F_SUPPORT_ZERO_COPY: the target's file reads and writes the pages of the request (kernels/series/group-kbuf). */
export const ZERO_COPY: DataPath = {
  makeStrategy: zeroCopy,
  flags: ZERO_COPY_FLAGS,
  needs: { uapi: [...(UBLK_NEEDS.uapi ?? []), ...ZERO_COPY_UAPI], devices: ['data'], class: 'safety' },
  targets: ['file', 'drive'],
  // Not a file: members on files need io-wq workers, and clients that wait for a tag may occupy all workers of this process.
  scratch: (t, size) => deviceTarget(t, t.device('data'), size),
};

/** The options that start a server with this data path. */
export const pathOptions = ({
  makeStrategy,
  flags,
}: DataPath): Required<Pick<ServerOptions, 'makeStrategy' | 'flags'>> => ({ makeStrategy, flags });
