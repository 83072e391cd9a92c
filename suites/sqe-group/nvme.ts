import { constants } from 'node:fs';
import {
  File,
  InjectedFault,
  ioMemory,
  nvme,
  pattern,
  type Shape,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { completionsByTag, GroupRing, range, withFailedMembers } from './groups.ts';

/** Bytes of a transfer: whole blocks on every drive. */
const LENGTH = 4096;

interface Setting {
  kind: string;
  flags: readonly string[];
  facts?: Record<string, boolean>;
}

const SETTINGS: readonly Setting[] = [
  { kind: 'default ring', flags: [] },
  { kind: 'IOPOLL ring', flags: ['IORING_SETUP_IOPOLL'], facts: { pollQueues: true } },
];

/** Opens a block device for direct I/O or a generic character device (`/dev/ng0n1`) for passthrough. */
function open(t: Test, path: string): File {
  return t.use(
    new File(path, path.includes('/ng') ? constants.O_RDWR : constants.O_RDWR | constants.O_DIRECT),
  );
}

suite('groups on a drive', { devices: ['data'], class: 'contract' }, () => {
  for (const { kind, flags, facts } of SETTINGS) {
    test(`${kind}: passthrough reads in a group return what their leader has written`, {
      facts,
    }, async (t) => {
      const device = t.device('data');
      const groupRing = new GroupRing(t, { shape: 'big' satisfies Shape, flags });
      const char = open(t, device.char);
      const where = { lba: 0, blocks: device.blocksOf(LENGTH) };
      const bytes = where.blocks * device.blockSize;
      const memory = ioMemory(t, bytes, 5);
      const targets = range(0, 4).map(() => ioMemory(t, bytes));
      const write = { fd: char.fd, command: nvme.transfer('write', device, where, memory) };
      groupRing.passthrough({ ...write, userData: 1 }, true);
      targets.forEach((target, index) => {
        const command = nvme.transfer('read', device, where, target);
        groupRing.passthrough({ fd: char.fd, command, userData: 2 + index }, index < targets.length - 1);
      });
      const cqes = await groupRing.submitAndWait(5);
      t.equal(cqes.at(-1)?.tag, 1, 'tag of the last CQE');
      t.same(
        completionsByTag(cqes),
        [1, 2, 3, 4, 5].map((tag) => `${tag}:0`),
        'completions of the group',
      );
      targets.forEach((target, index) => {
        t.bytes(target.bytes, memory.bytes, `data read by member ${index + 1}`);
      });
    });

    test(`${kind}: 16 groups of block I/O in one submission copy every block`, { facts }, async (t) => {
      const device = t.device('data');
      const groupRing = new GroupRing(t, { flags, entries: 128 });
      const block = open(t, device.block);
      const [groups, copies, bytes] = [16, 3, LENGTH];
      const memory = ioMemory(t, groups * bytes, 9);
      const image = pattern(groups * bytes, 10);
      const staging = ioMemory(t, groups * bytes);
      staging.bytes.set(image);
      t.equal(block.write(staging.bytes, 0), groups * bytes, 'bytes of the source written');
      range(0, groups).forEach((group) => {
        const at = { fd: block.fd, addr: memory.part(group * bytes).address, len: bytes };
        groupRing.writeGroup(
          { ...at, opcode: 'IORING_OP_READ', off: group * bytes, userData: group * 10 },
          ...range(1, copies).map((copy) => ({
            ...{ ...at, opcode: 'IORING_OP_WRITE', userData: group * 10 + copy },
            off: (copy * groups + group) * bytes,
          })),
        );
      });
      const cqes = await groupRing.submitAndWait(groups * (copies + 1));
      t.ok(
        cqes.every(({ res }) => res === bytes),
        `every request transfers ${bytes} bytes: ${completionsByTag(cqes).join(' ')}`,
      );
      const order = cqes.map(({ tag }) => tag);
      for (const group of range(0, groups))
        for (const copy of range(1, copies))
          t.ok(
            order.indexOf(group * 10) > order.indexOf(group * 10 + copy),
            `the leader of group ${group} completes after copy ${copy}`,
          );
      for (const copy of range(1, copies)) {
        const position = copy * groups * bytes;
        t.equal(block.read(staging.bytes, position), groups * bytes, `bytes of copy ${copy} read back`);
        t.bytes(staging.bytes, image, `data of copy ${copy}`);
      }
    });

    test(`${kind}: a leader that the drive fails ends with EREMOTEIO, its member with ECANCELED`, {
      facts,
    }, async (t) => {
      const device = t.device('data');
      const groupRing = new GroupRing(t, { flags });
      const block = open(t, device.block);
      const memory = ioMemory(t, LENGTH);
      const read = { opcode: 'IORING_OP_READ', fd: block.fd, addr: memory.address, len: LENGTH, off: 0 };
      const [path] = device.controllers.map((controller) => device.pathName(controller));
      using _fault = new InjectedFault(path ?? device.name, {
        status: nvme.Status.lbaOutOfRange,
        times: 1,
        dontRetry: true,
      });
      groupRing.writeGroup({ ...read, userData: 1 }, { ...read, userData: 2 });
      t.same(
        withFailedMembers(t, await groupRing.submitAndWait(2), [2]),
        ['1:-EREMOTEIO', '2:-ECANCELED'],
        'completions of the group',
      );
    });

    test(`${kind}: a passthrough leader with an NVMe status does not fail its group: member and link succeed`, {
      facts,
      class: 'choice',
    }, async (t) => {
      const device = t.device('data');
      const groupRing = new GroupRing(t, { shape: 'big', flags });
      const char = open(t, device.char);
      const memory = ioMemory(t, device.blockSize);
      const beyondEnd = { lba: device.blocks, blocks: 1 };
      const read = (where: nvme.Span) => ({
        fd: char.fd,
        command: nvme.transfer('read', device, where, memory),
      });
      groupRing.passthrough({ ...read(beyondEnd), userData: 1, flags: ['IOSQE_IO_LINK'] }, true);
      groupRing.passthrough({ ...read({ lba: 0, blocks: 1 }), userData: 2 }, false);
      groupRing.passthrough({ ...read({ lba: 0, blocks: 1 }), userData: 3 }, false);
      const cqes = await groupRing.submitAndWait(3);
      const leader = cqes.find(({ tag }) => tag === 1);
      // A status is a positive result; a link goes on after it as well.
      t.equal(leader?.res, nvme.Status.lbaOutOfRange | nvme.Status.dnr, 'CQE res of the leader');
      t.same(
        completionsByTag(cqes.filter(({ tag }) => tag > 1)),
        ['2:0', '3:0'],
        'completions of the member and the linked read',
      );
    });
  }

  test('DEFER_TASKRUN ring: io_uring_enter that waits for 3 CQEs returns all 3 of a group', (t) => {
    // A lazy wake-up of this waiter takes 3 completions. The leader's alone must wake it too: members are issued only after that.
    const flags = ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'];
    const device = t.device('data');
    const groupRing = new GroupRing(t, { flags });
    const { ring } = groupRing;
    const block = open(t, device.block);
    const memory = ioMemory(t, 4 * LENGTH);
    const read = (index: number) => ({
      ...{ opcode: 'IORING_OP_READ', fd: block.fd, len: LENGTH, off: index * LENGTH, userData: index },
      addr: memory.part(index * LENGTH).address,
    });
    for (let turn = 0; turn < 20; turn++) {
      groupRing.writeGroup(read(1), read(2), read(3));
      const wait = t.uapi.constant('IORING_ENTER_GETEVENTS');
      t.equal(ring.enter(ring.publish(), 3, wait, 5000), 3, `SQEs submitted in turn ${turn}`);
      t.same(
        completionsByTag(ring.reap()),
        [1, 2, 3].map((tag) => `${tag}:${LENGTH}`),
        `completions of turn ${turn}`,
      );
    }
  });
});
