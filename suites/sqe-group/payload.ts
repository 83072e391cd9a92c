import { constants } from 'node:fs';
import { File, ioMemory, nvme, pipe, type SqeFields, suite, type Test, test } from '../lib/index.ts';
import {
  completions,
  completionsByTag,
  GroupRing,
  nop,
  pipeRead,
  range,
  withFailedMembers,
} from './groups.ts';

/** Bytes of a big SQE from which the command begins (struct io_uring_sqe.cmd) to its end. */
const COMMAND_BYTES = 80;
/** Byte of an SQE that held extended flags in a proposal of groups, where the command of a big SQE or padding lies. */
export const EXTENDED_FLAGS = 63;

/** Writes an SQE, then overwrites bytes of it. */
export function writeRaw(
  groupRing: GroupRing,
  sqe: SqeFields,
  at: number,
  bytes: Uint8Array,
  more = false,
): void {
  const view = groupRing.write(sqe, more);
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(bytes, at);
}

/**
 * Submits what was written and asserts that it was no leader. A request with IOSQE_IO_LINK and one without follow it: as members they
 * would have the group refused, which has one CQE.
 */
async function assertNoLeader(t: Test, groupRing: GroupRing, what: string): Promise<number> {
  groupRing.write(nop(2, { flags: ['IOSQE_IO_LINK'] }));
  groupRing.write(nop(3));
  const cqes = await groupRing.submitAndWait(3);
  t.same(completionsByTag(cqes.filter(({ tag }) => tag > 1)), ['2:0', '3:0'], `completions after ${what}`);
  return cqes.find(({ tag }) => tag === 1)?.res ?? 1;
}

suite('bytes that are no flags', { class: 'safety' }, () => {
  suite('of a passthrough command', { devices: ['data'] }, () => {
    const command = (t: Test): SqeFields => {
      const { fd } = t.use(new File(t.device('data').char, constants.O_RDWR));
      return {
        ...{ opcode: 'IORING_OP_URING_CMD', fd, userData: 1 },
        more: { cmd_op: t.uapi.constant('NVME_URING_CMD_IO') },
      };
    };

    test('a command of 80 bytes 0xff fails with EINVAL and is no leader', async (t) => {
      const { offset } = t.uapi.field('io_uring_sqe', 'cmd');
      const groupRing = new GroupRing(t, { shape: 'big', flags: ['IORING_SETUP_SUBMIT_ALL'] });
      writeRaw(groupRing, command(t), offset, new Uint8Array(COMMAND_BYTES).fill(0xff));
      t.errno(await assertNoLeader(t, groupRing, 'the command'), 'EINVAL', 'CQE res of the command');
    });

    test('a command with 0xff in any one of its 80 bytes is no leader', async (t) => {
      const { offset } = t.uapi.field('io_uring_sqe', 'cmd');
      const groupRing = new GroupRing(t, { shape: 'big', flags: ['IORING_SETUP_SUBMIT_ALL'] });
      for (const index of range(0, COMMAND_BYTES)) {
        writeRaw(groupRing, command(t), offset + index, Uint8Array.of(0xff));
        await assertNoLeader(t, groupRing, `a command with byte ${index} set`);
      }
    });

    test('a read with ones in all words that the drive ignores succeeds and is no leader', async (t) => {
      const device = t.device('data');
      const groupRing = new GroupRing(t, { shape: 'big' });
      const { fd } = t.use(new File(device.char, constants.O_RDWR));
      const read = nvme.transfer('read', device, { lba: 0, blocks: 1 }, ioMemory(t, device.blockSize));
      const ones = { cdw2: 0xffffffff, cdw3: 0xffffffff, cdw14: 0xffffffff };
      groupRing.passthrough({ fd, userData: 1, command: { ...read, ...ones } }, false);
      t.equal(await assertNoLeader(t, groupRing, 'the read'), 0, 'CQE res of the read');
    });

    test('the last member is a command of bytes 0xff: the request behind it is not in the group', async (t) => {
      const { offset } = t.uapi.field('io_uring_sqe', 'cmd');
      const groupRing = new GroupRing(t, { shape: 'big' });
      const source = pipe(t);
      groupRing.write(pipeRead(t, source, 1), true);
      writeRaw(groupRing, { ...command(t), userData: 2 }, offset, new Uint8Array(COMMAND_BYTES).fill(0xff));
      groupRing.write(nop(3));
      t.same(completions(await groupRing.submitAndWait(1)), ['3:0'], 'completions while the leader waits');
      source.feed();
      t.same(completions(await groupRing.ring.wait(2)), ['2:-EINVAL', '1:1'], 'completions of the group');
    });
  });

  const OTHERS: Record<string, (t: Test) => SqeFields> = {
    NOP: () => nop(1),
    READ: (t) => ({ ...pipeRead(t, fed(t), 1) }),
    FSYNC: () => ({ opcode: 'IORING_OP_FSYNC', fd: -1, userData: 1 }),
    TIMEOUT_REMOVE: () => ({ opcode: 'IORING_OP_TIMEOUT_REMOVE', addr: 77n, userData: 1 }),
  };
  for (const [name, sqe] of Object.entries(OTHERS))
    test(`any bit of byte ${EXTENDED_FLAGS} has the same effect on ${name}, none or EINVAL, and makes no leader`, async (t) => {
      const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
      const outcomes: string[] = [];
      for (const value of [0, ...range(0, 8).map((bit) => 1 << bit), 0xff]) {
        writeRaw(groupRing, sqe(t), EXTENDED_FLAGS, Uint8Array.of(value));
        outcomes.push(String(await assertNoLeader(t, groupRing, `${name} with byte ${value}`)));
      }
      const [plain = '', ...others] = outcomes;
      const refused = String(-t.uapi.constant('EINVAL'));
      t.ok(
        [plain, refused].some((outcome) => others.every((other) => other === outcome)),
        `results with a bit set are all ${plain} or all ${refused}: ${others.join(' ')}`,
      );
    });

  test('undefined bits of uring_cmd_flags fail a leader with EINVAL, and its member with ECANCELED', {
    devices: ['data'],
    class: 'choice',
  }, async (t) => {
    const { fd } = t.use(new File(t.device('data').char, constants.O_RDWR));
    const known = t.uapi.constant('IORING_URING_CMD_MASK');
    const groupRing = new GroupRing(t, { shape: 'big', flags: ['IORING_SETUP_SUBMIT_ALL'] });
    for (const bit of range(0, 32).filter((index) => !((known >>> index) & 1))) {
      const uring_cmd_flags = (1 << bit) >>> 0;
      groupRing.writeGroup(
        {
          opcode: 'IORING_OP_URING_CMD',
          fd,
          userData: 1,
          more: { cmd_op: t.uapi.constant('NVME_URING_CMD_IO'), uring_cmd_flags },
        },
        nop(2),
      );
      t.same(
        withFailedMembers(t, await groupRing.submitAndWait(2), [2]),
        ['1:-EINVAL', '2:-ECANCELED'],
        `completions of a group whose leader has bit ${bit}`,
      );
    }
  });
});

/** A pipe with a byte to read. */
function fed(t: Test) {
  const source = pipe(t);
  source.feed();
  return source;
}
