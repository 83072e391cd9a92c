import { join } from 'node:path';
import type { Child } from '../core/process.ts';
import { Resources } from '../core/resource.ts';
import type { GuestRequest } from '../model/machine.ts';
import type { BootPaths } from './boot-paths.ts';
import type { Start } from './command.ts';
import { type Confined, confine } from './confine.ts';
import { ConsoleLog } from './console.ts';
import type { QemuEnd } from './death.ts';
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

/** What a machine has besides the files of every boot. */
export interface MachineFiles {
  start: Start;
  /** Ids of the NVMe drives. */
  drives: readonly string[];
  /** The open file of a template's state, which QEMU has as descriptor 3. */
  stateFd?: number;
  /** Where the console goes, default `console.log` in the request's folder, and what it begins with. */
  consoleFile?: string;
  consoleStart?: Buffer;
}

/** The command line, confined to the files of the boot. The sockets exist already. */
function confined(
  command: readonly string[],
  { kernel, image, profile, qemuArgs = [], accel, dir }: GuestRequest,
  paths: BootPaths,
  { start, drives }: MachineFiles,
): Promise<Confined> {
  return confine(command, {
    readOnly: [kernel.vmlinux, image.path, paths.seed],
    writable: [
      ...[paths.qmp, paths.qtest, ...drives.map((drive) => paths.drive(drive))],
      ...(start.kind === 'template' ? [start.ram, paths.state] : []),
    ],
    shared: start.kind === 'fork' ? [start.ram] : [],
    userArgs: [...profile.qemuArgs, ...qemuArgs],
    kvm: accel === 'kvm' && !profile.icount,
    dir,
  });
}

/** Starts QEMU, confined, with its sockets at `paths`. Disposing kills it and closes them. Throws LabError when it cannot start. */
export async function startQemu(
  qemu: readonly string[],
  request: GuestRequest,
  paths: BootPaths,
  files: MachineFiles,
): Promise<Machine> {
  const { dir } = request;
  await using resources = new Resources();
  const listeners = {
    qmp: resources.use(await listenOnce(paths.qmp)),
    qtest: resources.use(await listenOnce(paths.qtest)),
  };
  const { command, protections } = await confined(qemu, request, paths, files);
  const [program = '', ...args] = command;
  const startedAt = performance.now();
  const pipe = join(dir, 'console.pipe');
  const { child, output, incomplete } = await startWithPipe(program, args, pipe, resources, files.stateFd);
  // Standard input is the guest's serial line (`showTasks`). A QEMU that ends breaks it.
  child.stdin.on('error', () => {});
  const { consoleFile = join(dir, 'console.log'), consoleStart } = files;
  const console = new ConsoleLog(output, consoleFile, request.consoleBytes, consoleStart);
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
