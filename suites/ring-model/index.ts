import { constants } from 'node:fs';
import fc from 'fast-check';
import {
  AssertionError,
  File,
  ioctlCommand,
  ioMemory,
  nvme,
  type Shape,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { execute, featuresCommand, SLOTS, type Surroundings } from './execute.ts';
import { type Sequence, sequences } from './plan.ts';

const RUNS = 60;

type Found = fc.RunDetails<[Sequence]>;

function surroundings(t: Test): Surroundings {
  const device = t.device('data');
  const open = (path: string, flags = constants.O_RDWR) => t.use(new File(path, flags));
  const controller = open(device.controllers[0]?.path ?? '');
  const { result } = ioctlCommand(t.uapi, controller, featuresCommand, 'NVME_IOCTL_ADMIN64_CMD');
  t.ok(result !== 0n, 'a result that is not 0 is needed to see anything');
  const memory = ioMemory(t, SLOTS * device.blockSize);
  const { invalidOpcode, dnr } = nvme.Status;
  return {
    ...{ t, device, controller, memory },
    block: open(device.block, constants.O_RDWR | constants.O_DIRECT),
    char: open(device.char),
    facts: { readBytes: device.blockSize, unknownStatus: invalidOpcode | dnr, features: result },
  };
}

const NAMES: Record<Shape, string> = {
  big: 'big SQEs and big CQEs',
  sqe128: 'big SQEs',
  cqe32: 'big CQEs',
  plain: 'neither',
};

/** The failure of the smallest sequence that still fails, and how to see it again. */
function smallest({ errorInstance, counterexample, seed, numShrinks, counterexamplePath }: Found): Error {
  const { message, expected, got } = errorInstance as Partial<AssertionError>;
  const [sequence] = counterexample ?? [];
  return new AssertionError(
    `${message}; seed ${seed}, path ${counterexamplePath}, shrunk ${numShrinks} times: ${JSON.stringify(sequence)}`,
    expected,
    got,
  );
}

suite('rings and their model', { devices: ['data'] }, () => {
  for (const shape of ['big', 'sqe128', 'cqe32', 'plain'] as const) {
    test(`random sequences on rings with ${NAMES[shape]}`, async (t) => {
      const on = surroundings(t);
      const { seed } = t.lab.cell;
      t.note(`seed ${seed}, ${RUNS} sequences; again with --seed ${seed}`);
      const property = fc.asyncProperty(sequences(shape), (sequence) => execute(on, sequence));
      const found = await fc.check(property, { seed, numRuns: RUNS });
      if (found.failed) throw smallest(found);
    });
  }
});
