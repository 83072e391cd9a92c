import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Controller } from './device.ts';

const POLL_MS = 10;
const SETTLE_MS = 20_000;

/**
 * Polls `holds` every 10 ms, for states that the kernel shows in sysfs but does not announce. `condition` names the state ("two live
 * paths") for the Error that is thrown after `timeoutMs`.
 */
export async function until(condition: string, holds: () => boolean, timeoutMs = SETTLE_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline)
      throw new Error(`timed out after ${timeoutMs} ms waiting until: ${condition}`);
    await delay(POLL_MS);
  }
}

/**
 * Unbinds the driver from a controller until `comeBack` binds it again: an orderly removal that does not need the host channel.
 * Blocks until the driver has let go, by when all commands in flight have ended.
 */
export function detached({ address }: Controller): { comeBack(): void } {
  writeFileSync('/sys/bus/pci/drivers/nvme/unbind', address);
  let bound = false;
  return {
    comeBack: () => {
      if (!bound) writeFileSync('/sys/bus/pci/drivers/nvme/bind', address);
      bound = true;
    },
  };
}
