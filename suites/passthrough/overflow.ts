import { File, ioctlCommand, nvme, openRing, suite, test } from '../lib/index.ts';
import { READ_WRITE, waitForOverflow } from './setup.ts';

/** Feature identifier, NVMe Base 2.0 figure 317. */
const NUMBER_OF_QUEUES = 0x07;

suite('big CQEs when the ring is full or wraps', { devices: ['data'] }, () => {
  test('CQ overflow preserves res and both extra words of every CQE', async (t) => {
    const controller = t.use(new File(t.device('data').controllers[0]?.path ?? '', READ_WRITE));
    const command = { opcode: nvme.Admin.getFeatures, nsid: 0, cdw10: NUMBER_OF_QUEUES };
    const { result } = ioctlCommand(t.uapi, controller, command, 'NVME_IOCTL_ADMIN64_CMD');
    t.ok(result !== 0n, 'the number of queues is not 0, as an unset extra word would be');
    const ring = openRing(t, { entries: 16, cqEntries: 16 });
    const total = 96;
    for (let tag = 0; tag < total; tag++) {
      ring.passthrough({ fd: controller.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN', userData: tag });
      if (tag % 16 === 15) t.equal(ring.submit(), 16, `SQEs submitted up to command ${tag}`);
    }
    const overflow = waitForOverflow(t, ring);
    const cqes = await ring.wait(total);
    t.same(
      cqes.map(({ tag }) => tag).sort((a, b) => a - b),
      Array.from({ length: total }, (_, tag) => tag),
      'tags of the CQEs',
    );
    for (const { tag, res, big } of cqes)
      t.same([res, ...big], [0, result, 0n], `res and extra words of command ${tag}`);
    t.equal(ring.indices().overflow, 0, 'count of dropped CQEs');
    t.equal(ring.indices().sqFlags & overflow, 0, 'IORING_SQ_CQ_OVERFLOW after all CQEs were reaped');
  });

  test('heads and tails of a ring with big CQEs advance by one per command over many wraps', async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, READ_WRITE));
    const ring = openRing(t, { entries: 4 });
    const [rounds, batch] = [50, 3];
    for (let round = 0; round < rounds; round++) {
      for (let index = 0; index < batch; index++)
        ring.passthrough({ fd: char.fd, command: nvme.flush(device), userData: round * batch + index });
      t.same(
        (await ring.complete()).map(({ tag, res }) => [tag, res]),
        [0, 1, 2].map((index) => [round * batch + index, 0]),
        `tag and res of the flushes of round ${round}`,
      );
    }
    const { sqHead, sqTail, cqHead, cqTail } = ring.indices();
    const total = rounds * batch;
    t.same(
      { sqHead, sqTail, cqHead, cqTail },
      { sqHead: total, sqTail: total, cqHead: total, cqTail: total },
      `heads and tails after ${total} commands`,
    );
  });
});
