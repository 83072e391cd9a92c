import { File, ioctlCommand, nvme, openRing, suite, test } from '../lib/index.ts';
import { READ_WRITE, untilOverflown } from './setup.ts';

const NUMBER_OF_QUEUES = 0x07;

suite('big completions under pressure', { devices: ['data'] }, () => {
  test('CQ overflow loses neither a result nor an extra word', async (t) => {
    const controller = t.use(new File(t.device('data').controllers[0]?.path ?? '', READ_WRITE));
    const command = { opcode: nvme.Admin.getFeatures, nsid: 0, cdw10: NUMBER_OF_QUEUES };
    const { result } = ioctlCommand(t.uapi, controller, command, 'NVME_IOCTL_ADMIN64_CMD');
    t.ok(result !== 0n, 'a result that is not 0 is needed to see anything');
    const ring = openRing(t, { entries: 16, cqEntries: 16 });
    const total = 96;
    for (let tag = 0; tag < total; tag++) {
      ring.passthrough({ fd: controller.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN', userData: tag });
      if (tag % 16 === 15) t.equal(ring.submit(), 16);
    }
    const overflown = untilOverflown(t, ring);
    const cqes = await ring.wait(total);
    t.same(
      cqes.map(({ tag }) => tag).sort((a, b) => a - b),
      Array.from({ length: total }, (_, tag) => tag),
    );
    for (const { tag, res, big } of cqes) t.same([res, ...big], [0, result, 0n], `command ${tag}`);
    t.equal(ring.indices().overflow, 0, 'completions dropped');
    t.equal(ring.indices().sqFlags & overflown, 0, 'still overflown');
  });

  test('big CQEs keep head and tail right over many turns of the ring', async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, READ_WRITE));
    const ring = openRing(t, { entries: 4 });
    const [turns, batch] = [50, 3];
    for (let turn = 0; turn < turns; turn++) {
      for (let index = 0; index < batch; index++)
        ring.passthrough({ fd: char.fd, command: nvme.flush(device), userData: turn * batch + index });
      const tags = (await ring.complete()).map(({ tag, res }) => [tag, res]);
      t.same(
        tags,
        [0, 1, 2].map((index) => [turn * batch + index, 0]),
        `turn ${turn}`,
      );
    }
    const { sqHead, sqTail, cqHead, cqTail } = ring.indices();
    const all = turns * batch;
    t.same({ sqHead, sqTail, cqHead, cqTail }, { sqHead: all, sqTail: all, cqHead: all, cqTail: all });
  });
});
