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
import { GroupRing, numbered, saidSorted } from './groups.ts';

const BLOCKS = 8;

interface Setting {
  name: string;
  flags: readonly string[];
  facts?: Record<string, boolean>;
}

const SETTINGS: readonly Setting[] = [
  { name: 'an ordinary ring', flags: [] },
  { name: 'a polled ring', flags: ['IORING_SETUP_IOPOLL'], facts: { pollQueues: true } },
];

function open(t: Test, path: string): File {
  return t.use(
    new File(path, path.includes('/ng') ? constants.O_RDWR : constants.O_RDWR | constants.O_DIRECT),
  );
}

suite('groups on a drive', { devices: ['data'] }, () => {
  for (const { name, flags, facts } of SETTINGS) {
    test(`${name}: passthrough reads under a passthrough write`, { facts }, async (t) => {
      const device = t.device('data');
      const on = new GroupRing(t, { shape: 'big' satisfies Shape, flags });
      const char = open(t, device.char);
      const bytes = BLOCKS * device.blockSize;
      const memory = ioMemory(t, bytes, 5);
      const into = numbered(0, 4).map(() => ioMemory(t, bytes));
      const where = { lba: 0, blocks: BLOCKS };
      const write = { fd: char.fd, command: nvme.transfer('write', device, where, memory) };
      on.passthrough({ ...write, userData: 1 }, true);
      into.forEach((one, index) => {
        const command = nvme.transfer('read', device, where, one);
        on.passthrough({ fd: char.fd, command, userData: 2 + index }, index < into.length - 1);
      });
      const cqes = await on.done(5);
      t.equal(cqes.at(-1)?.tag, 1);
      t.same(
        saidSorted(cqes),
        [1, 2, 3, 4, 5].map((tag) => `${tag}:0`),
      );
      for (const one of into) t.bytes(one.bytes, memory.bytes, 'what a member read');
    });

    test(`${name}: many groups of block I/O at once`, { facts }, async (t) => {
      const device = t.device('data');
      const on = new GroupRing(t, { flags, entries: 128 });
      const block = open(t, device.block);
      const [groups, copies, bytes] = [16, 3, 4096];
      const source = ioMemory(t, groups * bytes, 9);
      const image = pattern(groups * bytes, 10);
      const setUp = ioMemory(t, groups * bytes);
      setUp.bytes.set(image);
      t.equal(block.write(setUp.bytes, 0), groups * bytes);
      numbered(0, groups).forEach((group) => {
        const at = { fd: block.fd, addr: source.address + BigInt(group * bytes), len: bytes };
        on.group(
          { ...at, opcode: 'IORING_OP_READ', off: group * bytes, userData: group * 10 },
          ...numbered(1, copies).map((copy) => ({
            ...{ ...at, opcode: 'IORING_OP_WRITE', userData: group * 10 + copy },
            off: (copy * groups + group) * bytes,
          })),
        );
      });
      const cqes = await on.done(groups * (copies + 1));
      t.ok(
        cqes.every(({ res }) => res === bytes),
        saidSorted(cqes).join(' '),
      );
      const order = cqes.map(({ tag }) => tag);
      for (const group of numbered(0, groups))
        for (const copy of numbered(1, copies))
          t.ok(order.indexOf(group * 10) > order.indexOf(group * 10 + copy), `group ${group}`);
      for (const copy of numbered(1, copies)) {
        t.equal(block.read(setUp.bytes, copy * groups * bytes), groups * bytes);
        t.bytes(setUp.bytes, image, `copy ${copy}`);
      }
    });

    test(`${name}: members are not issued when the drive fails their leader`, { facts }, async (t) => {
      const device = t.device('data');
      const on = new GroupRing(t, { flags });
      const block = open(t, device.block);
      const memory = ioMemory(t, 4096);
      const read = { opcode: 'IORING_OP_READ', fd: block.fd, addr: memory.address, len: 4096, off: 0 };
      const [path] = device.controllers.map((controller) => device.pathName(controller));
      using _fault = new InjectedFault(path ?? device.name, {
        status: nvme.Status.lbaOutOfRange,
        times: 1,
        dontRetry: true,
      });
      on.group({ ...read, userData: 1 }, { ...read, userData: 2 });
      t.same(saidSorted(await on.done(2)), ['1:-EREMOTEIO', '2:-ECANCELED']);
    });

    test(`${name}: a status of the drive is a result and no failure: members are issued`, {
      facts,
    }, async (t) => {
      const device = t.device('data');
      const on = new GroupRing(t, { shape: 'big', flags });
      const char = open(t, device.char);
      const memory = ioMemory(t, device.blockSize);
      const past = { lba: device.blocks, blocks: 1 };
      const read = (where: nvme.Span) => ({
        fd: char.fd,
        command: nvme.transfer('read', device, where, memory),
      });
      on.passthrough({ ...read(past), userData: 1, flags: ['IOSQE_IO_LINK'] }, true);
      on.passthrough({ ...read({ lba: 0, blocks: 1 }), userData: 2 }, false);
      on.passthrough({ ...read({ lba: 0, blocks: 1 }), userData: 3 }, false);
      const cqes = await on.done(3);
      const leader = cqes.find(({ tag }) => tag === 1);
      // It is positive, and no link minds it either.
      t.equal(leader?.res, nvme.Status.lbaOutOfRange | nvme.Status.dnr);
      t.same(saidSorted(cqes.filter(({ tag }) => tag > 1)), ['2:0', '3:0']);
    });
  }

  test('who waits for all of a group in one call is woken for each part of it', (t) => {
    // A read's completion is not worth waking up for until there are as many as were asked for: but members wait for it.
    const flags = ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN'];
    const device = t.device('data');
    const on = new GroupRing(t, { flags });
    const block = open(t, device.block);
    const memory = ioMemory(t, 4 * 4096);
    const read = (index: number) => ({
      ...{ opcode: 'IORING_OP_READ', fd: block.fd, len: 4096, off: index * 4096, userData: index },
      addr: memory.address + BigInt(index * 4096),
    });
    for (let turn = 0; turn < 20; turn++) {
      on.group(read(1), read(2), read(3));
      const wait = t.uapi.constant('IORING_ENTER_GETEVENTS');
      t.equal(on.ring.enter(on.ring.publish(), 3, wait, 5000), 3);
      const cqes = on.ring.reap();
      t.same(saidSorted(cqes), ['1:4096', '2:4096', '3:4096']);
    }
  });
});
