import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Resources } from '../core/resource.ts';
import type { StageContext } from '../model/event.ts';
import type { Guest, GuestRequest, GuestStart } from '../model/machine.ts';
import { bootPaths } from './boot-paths.ts';
import { qemuCommand, type Start } from './command.ts';
import { makeDrives } from './drives.ts';
import { factsOf } from './facts.ts';
import type { Template } from './fork/template.ts';
import { wake } from './fork/wake.ts';
import { hostVerbs, limitConnections, serveConnection } from './hostservice.ts';
import { knownHost } from './keys.ts';
import { type Layout, layOut } from './layout.ts';
import { startQemu } from './qemu.ts';
import { qemuPid } from './qemu-pid.ts';
import type { Qmp } from './qmp.ts';
import { waitUntilReady } from './ready.ts';
import { scratchFolder } from './scratch.ts';
import { makeSeed } from './seed.ts';
import { showTasks } from './tasks.ts';
import { DEFAULT_TIMEOUTS, type Timeouts } from './timeouts.ts';
import { watchForDeath } from './watch.ts';

/** What a fork continues, and where it has its devices. */
export interface ForkOrigin {
  template: Template;
  layout: Layout;
  /** Key of what the template has loaded. */
  preloaded?: string | undefined;
}

/** How a guest came to be, for the record. */
function startOf(origin: ForkOrigin | { reason?: string }): GuestStart {
  if (!('template' in origin)) return { how: 'boot', ...origin };
  return { how: 'fork', ...(origin.preloaded === undefined ? {} : { preloaded: true }) };
}

/** How the machine of a guest starts. The caller closes `stateFile`. */
async function originOf(origin: ForkOrigin | undefined, profile: GuestRequest['profile']) {
  if (!origin) return { layout: layOut(profile), start: { kind: 'boot' as const } };
  const { template, layout } = origin;
  const start: Start = { kind: 'fork', ram: template.ram, layout };
  const [stateFile, consoleStart] = await Promise.all([open(template.state), readFile(template.console)]);
  return { layout, start, stateFile, consoleStart };
}

/** Prepares files and sockets, starts QEMU and waits until the guest is ready. `resources` owns everything that was started. */
async function bringUp(
  request: GuestRequest,
  origin: ForkOrigin | undefined,
  resources: Resources,
  timeouts: Timeouts,
  ctx: StageContext,
) {
  const { layout, start, stateFile, consoleStart } = await originOf(origin, request.profile);
  await using _state = stateFile ?? new Resources();
  const { dir: socketDir } = resources.use(await scratchFolder('sockets'));
  const paths = bootPaths(request.dir, socketDir);
  resources.use(await makeDrives(layout, paths));
  const keys = await makeSeed(request.dir, paths.seed, ctx.signal);
  const facts = factsOf(request);
  const commandLine = qemuCommand(request, paths, undefined, start);
  ctx.emit({ type: 'guest.start', guest: request.name, commandLine });
  const machine = resources.use(
    await startQemu(commandLine, request, paths, {
      ...{ start, drives: layout.namespaces.map(({ drive }) => drive) },
      ...(stateFile && { stateFd: stateFile.fd, consoleStart }),
    }),
  );
  const { console, child } = machine;
  const wakeUp = origin && ((qmp: Qmp) => wake({ qmp, console, serial: child.stdin }, layout));
  const ready = await waitUntilReady(request, machine, keys, timeouts, ctx, wakeUp);
  resources.use(ready.link);
  const bootMs = performance.now() - machine.startedAt;
  const hostKeyFile = join(request.dir, 'known_hosts');
  await writeFile(hostKeyFile, knownHost(ready.port, keys.host));
  ctx.emit({ type: 'guest.ready', guest: request.name, ms: Math.round(bootMs) });
  const ssh = { port: ready.port, keyFile: keys.clientFile, hostKeyFile };
  return { ...ready, machine, layout, commandLine, facts, bootMs, ssh };
}

/**
 * Boots a guest, or forks it of `origin` (which else says why it boots), and waits until it is ready. Throws VerdictError `boot-failed` when the kernel does not get there (panic, reboot,
 * deadline), LabError when QEMU fails, the abort reason when `ctx.signal` fires; nothing is left running then. An abort later
 * ends the guest, which is not reported as a death. Emits `guest.start` and `guest.ready`.
 *
 * @example
 * await using guest = await bootGuest({ name: 'plain', profile, kernel, image, accel: 'tcg', dir, bootTimeoutMs: 60_000 }, ctx);
 * const { code } = await guest.exec('uname -r', { onStdout: (chunk) => process.stdout.write(chunk) });
 */
export async function bootGuest(
  request: GuestRequest,
  ctx: StageContext,
  timeouts: Timeouts = DEFAULT_TIMEOUTS,
  origin: ForkOrigin | { reason?: string } = {},
): Promise<Guest> {
  await using resources = new Resources();
  const forked = 'template' in origin ? origin : undefined;
  const up = await bringUp(request, forked, resources, timeouts, ctx);
  const { machine, link, qmp, layout } = up;
  let isShutDown = false;
  const death = watchForDeath(machine, link, timeouts, () => isShutDown);
  const onAbort = () => {
    isShutDown = true;
    machine.kill();
  };
  ctx.signal.addEventListener('abort', onAbort, { once: true });
  resources.defer(() => ctx.signal.removeEventListener('abort', onAbort));
  const owned = resources.move();
  return {
    name: request.name,
    pid: qemuPid(machine.child.pid),
    confinement: machine.confinement,
    accel: request.profile.icount ? 'tcg' : request.accel,
    qemuVersion: up.qemuVersion,
    commandLine: up.commandLine,
    preloaded: forked?.preloaded,
    start: startOf(origin),
    startedAt: machine.startedAt,
    bootMs: up.bootMs,
    devices: layout.namespaces.map(({ info }) => info),
    facts: up.facts,
    death,
    ssh: up.ssh,
    exec: (command, options) => link.exec(command, options),
    push: (files) => link.push(files),
    qmp: (command, args) => qmp.execute(command, args),
    showTasks: () => showTasks({ qmp, console: machine.console, stdin: machine.child.stdin }),
    watchConsole: (watcher) => machine.console.watch(watcher),
    consoleText: (from) => machine.console.text(from),
    consoleFile: machine.console.file,
    checkConsole: () => machine.console.check(),
    async serveHost() {
      const verbs = hostVerbs({ qmp, qtest: await machine.qtest, layout, console: machine.console });
      const { port, close } = await link.listenInGuest(
        limitConnections((stream) => serveConnection(stream, verbs, () => link.flushed())),
      );
      return { port, [Symbol.asyncDispose]: close };
    },
    async [Symbol.asyncDispose]() {
      isShutDown = true;
      await owned[Symbol.asyncDispose]();
    },
  };
}
