import { File, ioctlCommand, nvme, openRing, suite, test } from '../lib/index.ts';
import { READ_WRITE, waitForOverflow } from './setup.ts';

/** Entries of the ring, and commands of a submission. */
const BATCH = 8;
/**
 * Submissions before any CQE is reaped. Their commands are fewer than the 30 tags of an admin queue (NVME_AQ_MQ_TAG_DEPTH of
 * Linux): Linux 6.12 reads a command that finds no tag from its SQE slot later, which the next submission has reused by then.
 * `stable.ts` tests that.
 */
const BATCHES = 3;

suite('big CQEs when the ring is full or wraps', { devices: ['data'] }, () => {
  test('CQ overflow preserves res and both extra words of every CQE', async (t) => {
    const controller = t.use(new File(t.device('data').controllers[0]?.path ?? '', READ_WRITE));
    const command = { opcode: nvme.Admin.getFeatures, nsid: 0, cdw10: nvme.Feature.temperatureThreshold };
    const { result } = ioctlCommand(t.uapi, controller, command, 'NVME_IOCTL_ADMIN64_CMD');
    t.ok(result !== 0n, 'the temperature threshold is not 0, as an unset extra word would be');
    const ring = openRing(t, { entries: BATCH, cqEntries: BATCH });
    for (let round = 0; round < 4; round++) {
      const tags = Array.from({ length: BATCHES * BATCH }, (_, index) => round * BATCHES * BATCH + index);
      for (const tag of tags) {
        ring.passthrough({ fd: controller.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN', userData: tag });
        if (tag % BATCH === BATCH - 1) t.equal(ring.submit(), BATCH, `SQEs submitted up to command ${tag}`);
      }
      const overflow = waitForOverflow(t, ring);
      const cqes = await ring.wait(tags.length);
      t.same(
        cqes.map(({ tag }) => tag).sort((a, b) => a - b),
        tags,
        `tags of the CQEs of round ${round}`,
      );
      for (const { tag, res, big } of cqes)
        t.same([res, ...big], [0, result, 0n], `res and extra words of command ${tag}`);
      t.equal(ring.indices().overflow, 0, 'count of dropped CQEs');
      t.equal(ring.indices().sqFlags & overflow, 0, 'IORING_SQ_CQ_OVERFLOW after all CQEs were reaped');
    }
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
