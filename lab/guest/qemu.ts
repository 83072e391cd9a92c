import { constants } from 'node:os';
import { join } from 'node:path';
import { LabError } from '../core/errors.ts';
import type { Child } from '../core/process.ts';
import { Resources } from '../core/resource.ts';
import type { GuestRequest } from '../model/machine.ts';
import type { BootPaths } from './boot-paths.ts';
import { type Confined, confine } from './confine.ts';
import { ConsoleLog } from './console.ts';
import { panicIn, type QemuEnd } from './death.ts';
import type { Layout } from './layout.ts';
import { startWithPipe } from './pipe.ts';
import { listenOnce, Qmp } from './qmp.ts';
import { Qtest } from './qtest.ts';
import { withinAndPolled } from './timeouts.ts';

/** Characters kept of QEMU's standard error. */
const STDERR_KEPT = 8 << 10;
/** After a panic QEMU ends by itself (panic=-1, -no-reboot), unless the user's kernel arguments override that. */
const PANIC_GRACE_MS = 5_000;
/** A connection that QEMU made before it ended is accepted by then. */
const CONNECT_MS = 200;
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
  kill(): void;
}

function keepStderr(child: Child): () => string {
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-STDERR_KEPT);
  });
  return () => text;
}

/**
 * Records the panic and the shutdown reason, which are gone once QEMU has ended. Kills a QEMU that outlives a panic, or whose
 * guest prints more than the console's file takes.
 */
function observe(console: ConsoleLog, qmp: Promise<Qmp>, kill: () => void) {
  const observed: Pick<QemuEnd, 'panic' | 'shutdown' | 'flood'> & { timer?: NodeJS.Timeout } = {};
  const stop = console.watch((line) => {
    const panic = panicIn(line);
    if (panic === undefined) return;
    observed.panic = panic;
    observed.timer = setTimeout(kill, PANIC_GRACE_MS);
    stop();
  });
  void console.full.then(() => {
    observed.flood = `the guest was ended: it printed more than ${console.limit >> 20} MiB on its console`;
    kill();
  });
  void qmp.then(
    (channel) =>
      channel.onEvent(({ event, data }) => {
        if (event === 'SHUTDOWN') observed.shutdown = String(data.reason);
      }),
    () => {},
  );
  return observed;
}

/** bubblewrap reports a program that signal n ended by its exit code, 128 + n, which QEMU itself never exits with. */
function exitOf(code: number | null): Pick<QemuEnd, 'code' | 'signal'> {
  const signal = Object.entries(constants.signals).find(([, number]) => number === (code ?? 0) - 128);
  return signal ? { code: null, signal: signal[0] } : { code, signal: null };
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
  child.stdin.end();
  const stderr = keepStderr(child);
  const console = new ConsoleLog(output, join(dir, 'console.log'), request.consoleBytes);
  const qmp = listeners.qmp.connection.then((socket) => new Qmp(socket));
  const qtest = listeners.qtest.connection.then((socket) => new Qtest(socket));
  const kill = () => void child.stop();
  const observed = observe(console, qmp, kill);
  const ended = child.ended.then(async ({ code, signal }) => {
    await console.drained;
    const reason = await incomplete;
    if (reason) console.fail(new LabError(`the console of ${request.name} is incomplete: ${reason}`));
    clearTimeout(observed.timer);
    // The last event, which has the reason of the shutdown, may still be on the way. A QEMU that failed early has no channel.
    await (await withinAndPolled(CONNECT_MS, qmp))?.closed;
    const { timer: _timer, ...reasons } = observed;
    return {
      ...(signal ? { code, signal } : exitOf(code)),
      stderr: stderr(),
      ...reasons,
    };
  });
  const owned = resources.move();
  const dispose = async () => {
    await owned[Symbol.asyncDispose]();
    await ended;
  };
  const confinement = protections;
  return { child, confinement, console, qmp, qtest, startedAt, ended, kill, [Symbol.asyncDispose]: dispose };
}
