import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Controller, Device, Test } from '../lib/index.ts';
import { onMedium } from './setup.ts';

const SUBSYSTEMS = '/sys/class/nvme-subsystem';

/** Sets the iopolicy of all subsystems until the test's end. */
export function usePolicy(t: Test, policy: 'numa' | 'round-robin'): void {
  for (const name of readdirSync(SUBSYSTEMS)) {
    const file = `${SUBSYSTEMS}/${name}/iopolicy`;
    const previous = readFileSync(file, 'utf8').trim();
    writeFileSync(file, policy);
    t.defer(() => {
      try {
        writeFileSync(file, previous);
      } catch {
        // A subsystem that was removed has no policy to restore.
      }
    });
  }
}

/** Sends commands to all paths in turn until the test's end (iopolicy round-robin). */
export function useRoundRobin(t: Test): void {
  usePolicy(t, 'round-robin');
}

/** Reads that a path's disk has completed (Documentation/block/stat.rst, "read I/Os"). */
function completedReads(device: Device, path: Controller): number {
  const stat = readFileSync(`/sys/block/${device.pathName(path)}/stat`, 'utf8');
  return Number(stat.trim().split(/\s+/)[0]);
}

/**
 * Sends all commands to one path for as long as it is usable (iopolicy numa), until the test's end. Returns that path; it is
 * recognised by a read through the block device, for which the kernel looks up the path as for passthrough.
 */
export function useOnePath(
  t: Test,
  device: Device,
  [first, second]: readonly [Controller, Controller],
): Controller {
  usePolicy(t, 'numa');
  const before = [first, second].map((path) => completedReads(device, path));
  onMedium(t, device, { lba: 0, blocks: 1 });
  const [isFirst, isSecond] = [first, second].map(
    (path, index) => completedReads(device, path) !== before[index],
  );
  t.ok(isFirst !== isSecond, 'a read under iopolicy numa takes one path');
  return isFirst ? first : second;
}
