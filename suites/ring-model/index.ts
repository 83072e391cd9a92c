import { constants } from 'node:fs';
import {
  File,
  holds,
  ioctlCommand,
  ioMemory,
  nvme,
  type Shape,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { execute, type Fixture, featuresCommand, SLOTS } from './execute.ts';
import { sequences } from './plan.ts';

/** Sequences that each test tries. */
const RUNS = 60;

function setUp(t: Test): Fixture {
  const device = t.device('data');
  const open = (path: string, flags = constants.O_RDWR) => t.use(new File(path, flags));
  const controller = open(device.controllers[0]?.path ?? '');
  const { result } = ioctlCommand(t.uapi, controller, featuresCommand, 'NVME_IOCTL_ADMIN64_CMD');
  t.ok(result !== 0n, 'the temperature threshold is not 0, as an unset extra word would be');
  const memory = ioMemory(t, SLOTS * device.blockSize);
  const { invalidOpcode, dnr } = nvme.Status;
  return {
    ...{ t, device, controller, memory },
    block: open(device.block, constants.O_RDWR | constants.O_DIRECT),
    char: open(device.char),
    results: { readBytes: device.blockSize, unknownStatus: invalidOpcode | dnr, features: result },
  };
}

const NAMES: Record<Shape, string> = {
  big: 'big SQEs and big CQEs',
  sqe128: 'big SQEs only',
  cqe32: 'big CQEs only',
  plain: 'neither big SQEs nor big CQEs',
};

suite('rings compared with a model', { devices: ['data'] }, () => {
  for (const shape of ['big', 'sqe128', 'cqe32', 'plain'] as const) {
    test(`random sequences on rings with ${NAMES[shape]} complete as the model predicts`, async (t) => {
      const fixture = setUp(t);
      await holds(t, sequences(shape), (sequence) => execute(fixture, sequence), { runs: RUNS });
    });
  }
});
