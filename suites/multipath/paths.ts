import {
  type Controller,
  controllers,
  Device,
  InjectedFault,
  SkipError,
  type Test,
  until,
} from '../lib/index.ts';

/** Whether sysfs shows the controller as live and as a path of the namespace. */
function isLivePath(device: Device, controller: Controller): boolean {
  return controller.state() === 'live' && device.pathName(controller) !== device.name;
}

/** Whether the namespace exists and has a live path through the controller of this id. */
export function hasPathThrough(info: Device['info'], id: string): boolean {
  try {
    const device = new Device(info);
    return controllers([id]).some((controller) => isLivePath(device, controller));
  } catch (error) {
    if (error instanceof SkipError) return false;
    throw error;
  }
}

/**
 * Waits until both controllers are live paths of the namespace and returns them. Skips when the guest gives it one path only;
 * throws when the second path does not come up in the time of `until`.
 */
export async function allPaths(t: Test, device: Device): Promise<[Controller, Controller]> {
  if (device.info.controllerIds.length < 2) t.skip(`the ${device.info.role} namespace has one path only`);
  await until('two paths are live', () => {
    const present = device.controllers;
    return present.length >= 2 && present.every((controller) => isLivePath(device, controller));
  });
  const [first, second] = device.controllers;
  if (!first || !second) throw new Error('a controller was removed while its paths were looked up');
  return [first, second];
}

/** Counts completions of a path until the test's end: a fault with status 0 is injected into each and changes nothing. */
export function countCompletions(t: Test, device: Device, path: Controller): () => number {
  const times = 1_000_000;
  const counter = t.use(new InjectedFault(device.pathName(path), { status: 0, times }));
  return () => times - counter.left;
}
