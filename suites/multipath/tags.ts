import { readFileSync, writeFileSync } from 'node:fs';
import {
  command,
  InjectedFault,
  ioMemory,
  type Memory,
  type NvmeCommand,
  nvme,
  type Test,
  throttled,
} from '../lib/index.ts';
import { useOnePath, usePolicy } from './policy.ts';
import type { Fixture } from './setup.ts';

/** Tags that each queue of a path is limited to: the fewest that the block layer allows (BLKDEV_MIN_RQ). */
const TAGS = 4;
/** Reads for each CPU: half of them go to the path and take the tags of the CPU's queue. */
const READS = 2 * TAGS;

/** Limits each queue of a path to `TAGS` tags until the test's end. */
function limitTags(t: Test, disk: string): void {
  const file = `/sys/block/${disk}/queue/nr_requests`;
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, String(TAGS));
  t.defer(() => writeFileSync(file, before));
}

/** Calls `act` once on each CPU, which has a queue of its own. */
function onEachCpu(t: Test, act: () => void): void {
  const pid = String(process.pid);
  const mask = /mask: (\w+)/.exec(command('taskset', '-p', pid))?.[1] ?? 'ff';
  try {
    for (let cpu = 0; cpu < Number(t.lab.cell.facts.vcpus ?? 1); cpu++) {
      command('taskset', '-p', (1 << cpu).toString(16), pid);
      act();
    }
  } finally {
    command('taskset', '-p', mask, pid);
  }
}

/** Two paths: all tags of one are taken, the other is used and fails. */
export interface ExhaustedPath {
  /** Commands that have failed on the used path. */
  failures(): number;
  /** Completes the reads that take the tags. */
  release(): Promise<void>;
}

/**
 * Takes all tags of one path by reads of a throttled drive, which are submitted to the fixture's ring and complete once a second. All
 * later commands go to the other path first and fail there with a path error. Send commands that the throttle does not delay: `refusedRead`.
 */
export async function exhaustOtherPath(
  t: Test,
  { device, char, ring, paths }: Fixture,
): Promise<ExhaustedPath> {
  const used = useOnePath(t, device, paths);
  const exhausted = used === paths[0] ? paths[1] : paths[0];
  limitTags(t, device.pathName(exhausted));
  const memory = ioMemory(t, device.blockSize);
  const { lift } = await throttled(t, device, 1);
  const read = { fd: char.fd, command: nvme.transfer('read', device, { lba: 0, blocks: 1 }, memory) };
  // QEMU lets the first one pass. The next completes a second later, by when no tag may be free.
  t.equal((await ring.execute(read)).res, 0, 'CQE res of the first read of the throttled drive');
  usePolicy(t, 'round-robin');
  let reads = 0;
  onEachCpu(t, () => {
    for (let count = 0; count < READS; count++) ring.passthrough(read);
    reads += ring.submit();
  });
  usePolicy(t, 'numa');
  // Reads that have a tag of the used path fail there as well, and succeed on the other one when it has a tag for them.
  const times = 1000;
  const fault = { status: nvme.Status.hostPathError, times };
  const injected = t.use(new InjectedFault(device.pathName(used), fault));
  return {
    failures: () => times - injected.left,
    release: async () => {
      await lift();
      const cqes = await ring.wait(reads, { timeoutMs: 20_000 });
      t.same([...new Set(cqes.map(({ res }) => res))], [0], 'CQE res of the reads that took the tags');
    },
  };
}

/** A read behind the last block, which the device refuses at once even if its drive is throttled. */
export function refusedRead({ device }: Fixture, memory: Memory, offset = 0): NvmeCommand {
  return nvme.transfer('read', device, { lba: device.blocks, blocks: 1 }, memory, { offset });
}

/** CQE res of a `refusedRead` that has reached the device. */
export const REFUSED = nvme.Status.lbaOutOfRange | nvme.Status.dnr;
