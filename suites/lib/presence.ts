import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Controller } from './device.ts';

const POLL_MS = 10;
const SETTLE_MS = 20_000;

/** Waits for a state that the kernel announces nowhere but in sysfs. Throws what it waited for when it does not come. */
export async function until(what: string, holds: () => boolean, timeoutMs = SETTLE_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`after ${timeoutMs} ms still not: ${what}`);
    await delay(POLL_MS);
  }
}

/** Sysfs name of the PCI function behind a controller, e.g. `0000:01:00.0`. */
function pciFunction(controller: Controller): string {
  return readFileSync(`/sys/class/nvme/${controller.name}/address`, 'utf8').trim();
}

/**
 * Takes a controller's driver away, in good order and without the host's help, until `comeBack`. Returns when the driver has
 * done: what is in flight has ended then.
 */
export function detached(controller: Controller): { comeBack(): void } {
  const address = pciFunction(controller);
  writeFileSync('/sys/bus/pci/drivers/nvme/unbind', address);
  let away = true;
  return {
    comeBack: () => {
      if (away) writeFileSync('/sys/bus/pci/drivers/nvme/bind', address);
      away = false;
    },
  };
}
