import { type Needs, type Test, test } from '../index.ts';
import { USER_COPY_FLAGS, ZERO_COPY_FLAGS } from './server.ts';
import { NEEDS, temporary } from './setup.ts';
import { type Answering, userCopy, ZERO_COPY_UAPI, zeroCopy } from './strategy.ts';
import { deviceTarget, fileTarget, memoryTarget, type Target } from './target.ts';

type Make = (t: Test, size: number) => Target;
const source = (needs: Needs, make: Make) => ({ needs, make });

/** A way to move data, and what is tested with it. */
export interface Way {
  answering: Answering;
  /** UBLK_F_ names. */
  flags: readonly string[];
  needs: Needs;
  targets: readonly (keyof typeof TARGETS)[];
  /** Where tests that do not care have their data. */
  scratch: Make;
}

/** What the same test is done with. */
const TARGETS = {
  memory: source({}, memoryTarget),
  'a file': source({}, (t, size) => fileTarget(t, temporary(t), size)),
  'a drive': source({ devices: ['data'] }, (t, size) => deviceTarget(t, t.device('data'), size)),
};

/** A test for each target of a way. */
export function eachTarget(
  { targets }: Way,
  name: string,
  body: (t: Test, target: (size: number) => Target) => Promise<void>,
): void {
  for (const what of targets) {
    const { needs, make } = TARGETS[what];
    test(`${what}: ${name}`, needs, (t) => body(t, (size) => make(t, size)));
  }
}

/** Through memory of the server. */
export const COPYING: Way = {
  answering: userCopy,
  flags: USER_COPY_FLAGS,
  needs: NEEDS,
  targets: ['memory', 'a file', 'a drive'],
  scratch: memoryTarget,
};

/** The target reads and writes the request's own pages. */
export const LENDING: Way = {
  answering: zeroCopy,
  flags: ZERO_COPY_FLAGS,
  needs: { uapi: [...(NEEDS.uapi ?? []), ...ZERO_COPY_UAPI], devices: ['data'] },
  targets: ['a file', 'a drive'],
  // No file: clients that wait for tags may have all of this process's workers, which members on files need.
  scratch: (t, size) => deviceTarget(t, t.device('data'), size),
};

/** What a server of a way is started with. */
export const how = ({ answering, flags }: Way) => ({ answering, flags });
