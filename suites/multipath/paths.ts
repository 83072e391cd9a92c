import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Controller, controllers, Device, InjectedFault, SkipError, type Test } from '../lib/index.ts';

const SUBSYSTEMS = '/sys/class/nvme-subsystem';
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

/** Does this controller lead to the namespace, as far as sysfs tells? */
function leads(device: Device, controller: Controller): boolean {
  return controller.state() === 'live' && device.pathName(controller) !== device.name;
}

/** Is the namespace of a role there, with the controller of this id leading to it? */
export function reached(role: Device['role'], id: string): boolean {
  try {
    const device = new Device(role);
    return controllers([id]).some((one) => leads(device, one));
  } catch (error) {
    if (error instanceof SkipError) return false;
    throw error;
  }
}

/** Both controllers, once both lead to the namespace. */
export async function allPaths(t: Test, device: Device): Promise<[Controller, Controller]> {
  if (device.role.serials.length < 2) t.skip(`the ${device.role.role} namespace has one path only`);
  await until('two live paths', () => {
    const { controllers } = device;
    return controllers.length >= 2 && controllers.every((one) => leads(device, one));
  });
  const [first, second] = device.controllers;
  if (!first || !second) throw new Error('a controller went away again');
  return [first, second];
}

/** Counts what a path completes until the test's end, by injecting success. */
export function countCompletions(t: Test, device: Device, path: Controller): () => number {
  const times = 1_000_000;
  const counter = t.use(new InjectedFault(device.pathName(path), { status: 0, times }));
  return () => times - counter.left;
}

/** Sysfs name of the PCI function behind a controller, e.g. `0000:01:00.0`. */
function pciFunction(controller: Controller): string {
  return readFileSync(`/sys/class/nvme/${controller.name}/address`, 'utf8').trim();
}

/** Takes a controller's driver away, in good order and without the host's help, until `comeBack`. */
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

/** Uses the paths in turn until the test's end, so that there is something in flight on each. */
export function roundRobin(t: Test): void {
  for (const name of readdirSync(SUBSYSTEMS)) {
    const file = `${SUBSYSTEMS}/${name}/iopolicy`;
    const before = readFileSync(file, 'utf8').trim();
    writeFileSync(file, 'round-robin');
    t.defer(() => {
      try {
        writeFileSync(file, before);
      } catch {
        // A subsystem that went away has no policy to restore.
      }
    });
  }
}
