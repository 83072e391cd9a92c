import { constants } from 'node:fs';
import { type Device, File, ioMemory, nvme, pipe, suite, type Test, test } from '../lib/index.ts';
import { completionsByTag, GroupRing, pipeRead, range } from './groups.ts';

const BLOCKS = 8;
const MEMBERS = 3;
/** By title. A single member is the last one and has no group flag, which the kernel could tell it by. */
const MEMBER_COUNTS = { 'a member command': 1, 'three member commands': MEMBERS };

/** The first `length` bytes of the drive. */
function onMedium(t: Test, device: Device, length: number): Uint8Array {
  const file = t.use(new File(device.block, constants.O_RDONLY | constants.O_DIRECT));
  const memory = ioMemory(t, length);
  t.equal(file.read(memory.bytes, 0), length, 'bytes read from the block device');
  return memory.bytes;
}

/**
 * Writes the SQEs of `count` NVMe writes, tagged from `firstTag` on: consecutive spans from block 0, all but the last with the
 * group flag. Returns their data in that order.
 */
function queueWrites(t: Test, groupRing: GroupRing, firstTag: number, count: number): Uint8Array {
  const device = t.device('data');
  const char = t.use(new File(device.char, constants.O_RDWR));
  const length = BLOCKS * device.blockSize;
  const memory = ioMemory(t, count * length, 40 + count);
  range(0, count).forEach((index) => {
    const where = { lba: index * BLOCKS, blocks: BLOCKS };
    const command = nvme.transfer('write', device, where, memory, { offset: index * length });
    groupRing.passthrough({ fd: char.fd, command, userData: firstTag + index }, index < count - 1);
  });
  return memory.bytes;
}

/**
 * Submits a read of an empty pipe and the NVMe writes behind it (`queue`, which returns their data), overwrites every SQE as a
 * submitter that reuses its slots would, feeds the pipe and checks what the writes put on the medium.
 */
async function checkOverwritten(
  t: Test,
  queue: (groupRing: GroupRing, read: ReturnType<typeof pipeRead>) => Uint8Array,
): Promise<void> {
  const groupRing = new GroupRing(t, { shape: 'big' });
  const source = pipe(t);
  const written = queue(groupRing, pipeRead(t, source, 1));
  groupRing.submit();
  new Uint8Array(groupRing.ring.sqes).fill(0xff);
  t.equal(groupRing.ring.reap().length, 0, 'CQEs before the pipe is fed');
  source.feed();
  const count = written.length / (BLOCKS * t.device('data').blockSize);
  t.same(
    completionsByTag(await groupRing.ring.wait(1 + count)),
    ['1:1', ...range(2, count).map((tag) => `${tag}:0`)],
    'completions of the read and the commands behind it',
  );
  t.bytes(onMedium(t, t.device('data'), written.length), written, 'data of the commands on the medium');
}

suite('the SQE belongs to the submitter again when submit returns', {
  devices: ['data'],
  class: 'safety',
}, () => {
  for (const [commands, count] of Object.entries(MEMBER_COUNTS))
    test(`overwriting the SQEs of ${commands} of a waiting leader after submit has no effect`, (t) =>
      checkOverwritten(t, (groupRing, read) => {
        groupRing.write(read, true);
        return queueWrites(t, groupRing, 2, count);
      }));

  test('overwriting the SQEs of a group linked to a waiting read after submit has no effect', (t) =>
    checkOverwritten(t, (groupRing, read) => {
      groupRing.write({ ...read, flags: ['IOSQE_IO_LINK'] });
      return queueWrites(t, groupRing, 2, 1 + MEMBERS);
    }));
});
