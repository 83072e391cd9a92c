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
import { execute, featuresCommand, SLOTS, type Surroundings } from './execute.ts';
import { sequences } from './plan.ts';

const RUNS = 60;

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

suite('rings and their model', { devices: ['data'] }, () => {
  for (const shape of ['big', 'sqe128', 'cqe32', 'plain'] as const) {
    test(`random sequences on rings with ${NAMES[shape]}`, async (t) => {
      const on = surroundings(t);
      await holds(t, sequences(shape), (sequence) => execute(on, sequence), { runs: RUNS });
    });
  }
});
