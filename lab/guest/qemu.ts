import { join } from 'node:path';
import type { Child } from '../core/process.ts';
import { Resources } from '../core/resource.ts';
import type { GuestRequest } from '../model/machine.ts';
import type { BootPaths } from './boot-paths.ts';
import { type Confined, confine } from './confine.ts';
import { ConsoleLog } from './console.ts';
import type { QemuEnd } from './death.ts';
import type { Layout } from './layout.ts';
import { startWithPipe } from './pipe.ts';
import { qemuEnd } from './qemu-end.ts';
import { isRunning, qemuPid } from './qemu-pid.ts';
import { listenOnce, Qmp } from './qmp.ts';
import { Qtest } from './qtest.ts';

/** A running QEMU: its process, console and control channels. */
export interface Machine extends AsyncDisposable {
  /** QEMU, or what confines it and ends with it. */
  readonly child: Child;
  /** The protections that are active (`Confined.protections`). */
  readonly confinement: readonly string[];
  readonly console: ConsoleLog;
  readonly qmp: Promise<Qmp>;
  readonly qtest: Promise<Qtest>;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  /** Resolves when QEMU is gone and its console is in the file; never rejects. */
  readonly ended: Promise<QemuEnd>;
  /** Whether QEMU's process has not ended, although `ended` may not have resolved yet. */
  isRunning(): boolean;
  kill(): void;
}

/** The command line, confined to the files of the boot. The sockets exist already. */
function confined(
  command: readonly string[],
  { kernel, image, profile, qemuArgs = [], accel, dir }: GuestRequest,
  layout: Layout,
  paths: BootPaths,
): Promise<Confined> {
  return confine(command, {
    readOnly: [kernel.vmlinux, image.path, paths.seed],
    writable: [paths.qmp, paths.qtest, ...layout.namespaces.map(({ drive }) => paths.drive(drive))],
    userArgs: [...profile.qemuArgs, ...qemuArgs],
    kvm: accel === 'kvm' && !profile.icount,
    dir,
  });
}

/**
 * Starts QEMU, confined, with its console in the request's folder and its sockets at `paths`. Disposing kills it and closes
 * them. Throws LabError when it cannot start.
 */
export async function startQemu(
  qemu: readonly string[],
  request: GuestRequest,
  layout: Layout,
  paths: BootPaths,
): Promise<Machine> {
  const { dir } = request;
  await using resources = new Resources();
  const listeners = {
    qmp: resources.use(await listenOnce(paths.qmp)),
    qtest: resources.use(await listenOnce(paths.qtest)),
  };
  const { command, protections } = await confined(qemu, request, layout, paths);
  const [program = '', ...args] = command;
  const startedAt = performance.now();
  const pipe = join(dir, 'console.pipe');
  const { child, output, incomplete } = await startWithPipe(program, args, pipe, resources);
  // Standard input is the guest's serial line (`showTasks`). A QEMU that ends breaks it.
  child.stdin.on('error', () => {});
  const console = new ConsoleLog(output, join(dir, 'console.log'), request.consoleBytes);
  const qmp = listeners.qmp.connection.then((socket) => new Qmp(socket));
  const qtest = listeners.qtest.connection.then((socket) => new Qtest(socket));
  const ended = qemuEnd({ name: request.name, child, console, incomplete, control: listeners.qmp, qmp });
  const owned = resources.move();
  const dispose = async () => {
    await owned[Symbol.asyncDispose]();
    await ended;
  };
  return {
    ...{ child, confinement: protections, console, qmp, qtest, startedAt, ended },
    isRunning: () => isRunning(qemuPid(child.pid)),
    kill: () => void child.stop(),
    [Symbol.asyncDispose]: dispose,
  };
}
