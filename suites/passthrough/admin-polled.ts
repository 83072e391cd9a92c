import { type File, ioMemory, nvme, openRing, type Test, type TestRing } from '../lib/index.ts';

/**
 * Submits an identify on a polled ring and checks its result. nvme_dev_uring_cmd() refuses it in Linux 6.12, and takes it in 7.2 and 7.3:
 * the admin queue is not polled, and the command completes by its interrupt.
 */
export async function checkPolledIdentify(t: Test, ring: TestRing, { fd }: Pick<File, 'fd'>): Promise<void> {
  const [polled, reference] = [ioMemory(t, 4096, 1), ioMemory(t, 4096, 2)];
  const identify = (memory: typeof polled) => ({
    ...{ fd, command: nvme.identify(nvme.Cns.controller, 0, memory), cmdOp: 'NVME_URING_CMD_ADMIN' },
  });
  const cqe = await ring.execute(identify(polled));
  const isTaken = t.since(
    '7.1',
    'nvme_dev_uring_cmd() takes admin commands on a polled ring; before, it refused them with EOPNOTSUPP',
  );
  if (!isTaken) return t.errno(cqe, 'EOPNOTSUPP', 'CQE res of identify on a polled ring');
  t.equal(cqe.res, 0, 'CQE res of identify on a polled ring');
  t.equal(
    (await openRing(t).execute(identify(reference))).res,
    0,
    'CQE res of identify on a ring that is not polled',
  );
  t.bytes(polled.bytes, reference.bytes, 'identify data of the polled ring');
}
