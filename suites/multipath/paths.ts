import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  type Controller,
  controllers,
  Device,
  InjectedFault,
  SkipError,
  type Test,
  until,
} from '../lib/index.ts';

const SUBSYSTEMS = '/sys/class/nvme-subsystem';

/** Does this controller lead to the namespace, as far as sysfs tells? */
function leads(device: Device, controller: Controller): boolean {
  return controller.state() === 'live' && device.pathName(controller) !== device.name;
}

/** Is the namespace of a role there, with the controller of this id leading to it? */
export function reached(info: Device['info'], id: string): boolean {
  try {
    const device = new Device(info);
    return controllers([id]).some((one) => leads(device, one));
  } catch (error) {
    if (error instanceof SkipError) return false;
    throw error;
  }
}

/** Both controllers, once both lead to the namespace. */
export async function allPaths(t: Test, device: Device): Promise<[Controller, Controller]> {
  if (device.info.controllerIds.length < 2) t.skip(`the ${device.info.role} namespace has one path only`);
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
