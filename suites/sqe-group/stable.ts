import { constants } from 'node:fs';
import { type Device, File, ioMemory, nvme, pipe, suite, type Test, test } from '../lib/index.ts';
import { GroupRing, numbered, saidSorted, waiting } from './groups.ts';

const BLOCKS = 8;
const MEMBERS = 3;
/** A last member alone says nothing of a group. */
const COUNTS = { 'a member': 1, members: MEMBERS };

/** What is on the drive from its first block on. */
function onMedium(t: Test, device: Device, length: number): Uint8Array {
  const file = t.use(new File(device.block, constants.O_RDONLY | constants.O_DIRECT));
  const memory = ioMemory(t, length);
  t.equal(file.read(memory.bytes, 0), length);
  return memory.bytes;
}

/** Writes so many commands, each to a place of its own; all but the last say that there are more. Gives what they write. */
function writes(t: Test, on: GroupRing, from: number, count: number): Uint8Array {
  const device = t.device('data');
  const char = t.use(new File(device.char, constants.O_RDWR));
  const length = BLOCKS * device.blockSize;
  const memory = ioMemory(t, count * length, 40 + count);
  numbered(0, count).forEach((index) => {
    const where = { lba: index * BLOCKS, blocks: BLOCKS };
    const command = nvme.transfer('write', device, where, memory, { offset: index * length });
    on.passthrough({ fd: char.fd, command, userData: from + index }, index < count - 1);
  });
  return memory.bytes;
}

/** Submits what waits for a pipe, overwrites every SQE as a busy submitter would, feeds the pipe, and sees what is done. */
async function overwritten(t: Test, put: (on: GroupRing, wait: ReturnType<typeof waiting>) => Uint8Array) {
  const on = new GroupRing(t, { shape: 'big' });
  const held = pipe(t);
  const written = put(on, waiting(t, held, 1));
  on.submit();
  new Uint8Array(on.ring.sqes).fill(0xff);
  t.equal(on.ring.reap().length, 0, 'something was done before the slots were overwritten');
  held.feed();
  const count = written.length / (BLOCKS * t.device('data').blockSize);
  t.same(saidSorted(await on.ring.wait(1 + count)), ['1:1', ...numbered(2, count).map((tag) => `${tag}:0`)]);
  t.bytes(onMedium(t, t.device('data'), written.length), written, 'what the commands wrote');
}

suite('the SQE belongs to the submitter again when submit returns', { devices: ['data'] }, () => {
  for (const [what, count] of Object.entries(COUNTS))
    test(`SQEs overwritten after submit: ${what} of a leader that waits`, (t) =>
      overwritten(t, (on, wait) => {
        on.write(wait, true);
        return writes(t, on, 2, count);
      }));

  test('SQEs overwritten after submit: a group of commands, linked behind what waits', (t) =>
    overwritten(t, (on, wait) => {
      on.ring.sqe({ ...wait, flags: ['IOSQE_IO_LINK'] });
      return writes(t, on, 2, 1 + MEMBERS);
    }));
});
