import { readFileSync, writeFileSync } from 'node:fs';
import { command, InjectedFault, ioMemory, type Memory, nvme, type Test, throttled } from '../lib/index.ts';
import { useOnePath, usePolicy } from './policy.ts';
import type { Fixture } from './setup.ts';

/** Tags that a queue is limited to: the fewest that the block layer allows (BLKDEV_MIN_RQ). */
const TAGS = 4;
/** Reads that take the tags of one queue of each path, and leave as many without one. */
const READS = 4 * TAGS;

/** Limits each queue of a path to `TAGS` tags until the test's end. */
function limitTags(t: Test, disk: string): void {
  const file = `/sys/block/${disk}/queue/nr_requests`;
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, String(TAGS));
  t.defer(() => writeFileSync(file, before));
}

/** Keeps this thread, and so the queues that it submits to, on the first CPU until the test's end. */
function stayOnFirstCpu(t: Test): void {
  const pid = String(process.pid);
  const mask = /mask: (\w+)/.exec(command('taskset', '-p', pid))?.[1] ?? 'ff';
  command('taskset', '-p', '1', pid);
  t.defer(() => command('taskset', '-p', mask, pid));
}

/** A path whose tags are all taken, and the other one, which is used and fails. */
export interface ExhaustedPath {
  /** Commands that have failed on the used path. */
  failures(): number;
  /** Completes the reads that take the tags. */
  release(): Promise<void>;
}

/**
 * Takes all tags of one path by reads of a throttled drive, which are submitted to the fixture's ring. All later commands of this
 * thread go to the other path first and fail there with a path error. Send commands that the throttle does not delay: `refusedRead`.
 */
export async function exhaustOtherPath(
  t: Test,
  { device, char, ring, paths }: Fixture,
): Promise<ExhaustedPath> {
  const used = useOnePath(t, device, paths);
  const exhausted = used === paths[0] ? paths[1] : paths[0];
  limitTags(t, device.pathName(exhausted));
  stayOnFirstCpu(t);
  const { lift } = await throttled(t, device, 1);
  usePolicy(t, 'round-robin');
  const memory = ioMemory(t, READS * device.blockSize);
  for (let tag = READS; tag > 0; tag--) {
    const place = { offset: (tag - 1) * device.blockSize };
    const read = nvme.transfer('read', device, { lba: 0, blocks: 1 }, memory, place);
    ring.passthrough({ fd: char.fd, command: read, userData: tag });
  }
  t.equal(ring.submit(), READS, 'SQEs submitted of reads that take the tags');
  usePolicy(t, 'numa');
  // Reads that take a tag of the used path fail there as well, and succeed on the other path once it has a tag for them.
  const times = 1000;
  const fault = { status: nvme.Status.hostPathError, times };
  const injected = t.use(new InjectedFault(device.pathName(used), fault));
  return {
    failures: () => times - injected.left,
    release: async () => {
      await lift();
      const cqes = await ring.wait(READS, { timeoutMs: 20_000 });
      t.same([...new Set(cqes.map(({ res }) => res))], [0], 'CQE res of the reads that took the tags');
    },
  };
}

/** A read behind the last block, which the device refuses at once even if its drive is throttled. */
export function refusedRead({ device }: Fixture, memory: Memory, offset = 0) {
  return nvme.transfer('read', device, { lba: device.blocks, blocks: 1 }, memory, { offset });
}

/** What the device answers to it. */
export const REFUSED = nvme.Status.lbaOutOfRange | nvme.Status.dnr;
