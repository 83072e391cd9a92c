import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../core/errors.ts';
import { Resources } from '../core/resource.ts';
import type { StageContext } from '../model/event.ts';
import type { Guest, GuestDeath, GuestRequest } from '../model/machine.ts';
import { type BootPaths, bootPaths, kernelArguments, qemuCommand } from './command.ts';
import type { ConsoleLog } from './console.ts';
import { bootError, classify, type EndOfQemu } from './death.ts';
import { serve, verbs } from './help.ts';
import { type Layout, layOut } from './layout.ts';
import { type Machine, startQemu } from './qemu.ts';
import { forwardedPort } from './qmp.ts';
import { scratchFolder } from './scratch.ts';
import { type Keys, knownHost, makeSeed } from './seed.ts';
import { SshLink } from './ssh.ts';

/** What init prints when sshd listens (images/minimal/overlay/init). */
const HELLO = /^ringlab: guest is up/;

/** Times that only tests change. */
export interface Patience {
  /** A guest is silent when it answers none of `misses` questions, `intervalMs` apart: far longer than a slow one takes. */
  heartbeat: { intervalMs: number; misses: number };
  /** How long QEMU may outlive the SSH connection that its end breaks, ms. */
  partingMs: number;
}
const PATIENCE: Patience = { heartbeat: { intervalMs: 15_000, misses: 8 }, partingMs: 5_000 };

/** Drives are sparse: a guest pays for what it writes. */
async function makeDrives(layout: Layout, paths: BootPaths): Promise<AsyncDisposable> {
  for (const { drive, driveBytes } of layout.namespaces) {
    const file = await open(paths.drive(drive), 'w', 0o600);
    await file.truncate(driveBytes);
    await file.close();
  }
  const remove = () =>
    Promise.all(layout.namespaces.map(({ drive }) => rm(paths.drive(drive), { force: true })));
  return { [Symbol.asyncDispose]: async () => void (await remove()) };
}

/** Resolves when the console says hello. */
function hello(console: ConsoleLog): Promise<void> {
  return new Promise((resolve) => {
    const stop = console.watch((line) => {
      if (!HELLO.test(line)) return;
      stop();
      resolve();
    });
  });
}

/** The SSH link of a guest that has answered a command: the proof that it lives. */
async function greet(machine: Machine, keys: Keys, patience: Patience, signal: AbortSignal) {
  const said = hello(machine.console);
  const qmp = await machine.qmp;
  await qmp.execute('qmp_capabilities');
  const version = (await qmp.execute('query-version')) as { qemu: Record<string, number> };
  const port = await forwardedPort(qmp);
  await said;
  const target = { port, privateKey: keys.client, hostKey: keys.host, keepalive: patience.heartbeat };
  const link = await SshLink.connect({ ...target, handshakeMs: 0, signal });
  const { code } = await link.exec('true', { signal });
  if (code !== 0) throw new LabError(`the guest's shell ended with code ${code}`);
  const { major, minor, micro } = version.qemu;
  return { qmp, port, link, qemuVersion: `${major}.${minor}.${micro}` };
}

type Greeting = Awaited<ReturnType<typeof greet>>;

/** Waits for the greeting, QEMU's end, the deadline or an abort, whichever is first. */
async function untilGreeted(
  request: GuestRequest,
  machine: Machine,
  keys: Keys,
  patience: Patience,
  ctx: StageContext,
): Promise<Greeting> {
  const deadline = AbortSignal.timeout(request.bootTimeoutMs);
  const signal = AbortSignal.any([ctx.signal, deadline]);
  const stopped = new Promise<'stopped'>((resolve) => {
    signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  const greeting = greet(machine, keys, patience, signal);
  // When QEMU ends, its end is the reason, not the channel that broke with it.
  const failed = greeting.then(
    () => new Promise<never>(() => {}),
    (error: unknown) => ({ error }),
  );
  const first = await Promise.race([greeting.catch(() => 'failed' as const), machine.ended, stopped]);
  if (typeof first === 'object' && 'link' in first) return first;
  ctx.signal.throwIfAborted();
  const console = machine.console;
  if (first === 'failed' && !deadline.aborted) {
    const parted = await Promise.race([machine.ended, wait(patience.partingMs)]);
    if (!parted) {
      machine.kill();
      throw new LabError(`${request.name}: no hello`, { cause: (await failed).error });
    }
    throw bootError(request.name, classify(parted, console.tail()), parted);
  }
  if (typeof first === 'object') throw bootError(request.name, classify(first, console.tail()), first);
  machine.kill();
  await machine.ended;
  const title = `no hello within ${request.bootTimeoutMs / 1000} s`;
  const tail = console.tail() || '(the console said nothing)';
  throw bootError(request.name, { kind: 'boot-timeout', title, tail }, undefined);
}

const wait = (ms: number) =>
  new Promise<undefined>((resolve) => {
    setTimeout(resolve, ms, undefined).unref();
  });

/** Resolves when a greeted guest dies, unless `asked` says that it was meant to. */
async function watchOver(
  machine: Machine,
  link: SshLink,
  patience: Patience,
  asked: () => boolean,
): Promise<GuestDeath> {
  const death = (end: EndOfQemu) => classify(end, machine.console.tail());
  const forever = new Promise<never>(() => {});
  const first = await Promise.race([machine.ended, link.closed]);
  if (asked()) return forever;
  if (typeof first === 'object') return death(first);
  // A panic breaks the connection a moment before QEMU has ended.
  const end = await Promise.race([machine.ended, wait(patience.partingMs)]);
  if (asked()) return forever;
  if (end) return death(end);
  machine.kill();
  const { panic } = await machine.ended;
  const tail = machine.console.tail();
  return panic
    ? { kind: 'panic', title: panic, tail }
    : { kind: 'silent', title: `the guest stopped answering (${first})`, tail };
}

function factsOf(request: GuestRequest): Guest['facts'] {
  const { profile, accel } = request;
  return {
    vcpus: profile.icount ? 1 : profile.vcpus,
    iommu: profile.iommu,
    icount: profile.icount,
    kvm: accel === 'kvm' && !profile.icount,
    swiotlb: kernelArguments(request).includes('swiotlb=force'),
    ...profile.facts,
  };
}

/**
 * Boots a guest and waits for its hello. Throws VerdictError `boot-failed` when the kernel does not get there (panic, reboot,
 * deadline), LabError when QEMU fails, the abort reason when `ctx.signal` fires; nothing is left running then.
 */
export async function bootGuest(
  request: GuestRequest,
  ctx: StageContext,
  patience: Patience = PATIENCE,
): Promise<Guest> {
  await using resources = new Resources();
  const layout = layOut(request.profile);
  const sockets = resources.use(await scratchFolder('sockets'));
  const paths = bootPaths(request.dir, sockets.dir);
  const [keys] = await Promise.all([
    makeSeed(request.dir, paths.seed, ctx.signal),
    makeDrives(layout, paths).then((drives) => resources.use(drives)),
  ]);
  const commandLine = qemuCommand(request, paths);
  ctx.emit({ stage: 'guest', subject: request.name, kind: 'start', text: commandLine.join(' ') });
  const machine = resources.use(await startQemu(commandLine, request.dir, paths));
  const { qmp, port, link, qemuVersion } = await untilGreeted(request, machine, keys, patience, ctx);
  const bootMs = performance.now() - machine.startedAt;
  resources.use(link);
  const hostKeyFile = join(request.dir, 'known_hosts');
  await writeFile(hostKeyFile, knownHost(port, keys.host));
  ctx.emit({ stage: 'guest', subject: request.name, kind: 'end', text: `up in ${Math.round(bootMs)} ms` });

  let asked = false;
  const death = watchOver(machine, link, patience, () => asked);
  const onAbort = () => machine.kill();
  ctx.signal.addEventListener('abort', onAbort, { once: true });
  const owned = resources.move();
  const serveHelp = async () => {
    const table = verbs({ qmp, qtest: await machine.qtest, layout, console: machine.console });
    const { port, close } = await link.listenInGuest((stream) => serve(stream, table));
    return { port, [Symbol.asyncDispose]: close };
  };
  return {
    name: request.name,
    pid: machine.child.pid,
    accel: request.profile.icount ? 'tcg' : request.accel,
    qemuVersion,
    commandLine,
    bootMs,
    devices: layout.namespaces.map(({ role }) => role),
    facts: factsOf(request),
    death,
    ssh: { port, keyFile: keys.clientFile, hostKeyFile },
    exec: (command, options) => link.exec(command, options),
    push: (files) => link.push(files),
    serveHelp,
    qmp: (command, args) => qmp.execute(command, args),
    consoleText: (from) => machine.console.text(from),
    consoleFile: machine.console.file,
    [Symbol.asyncDispose]: async () => {
      asked = true;
      ctx.signal.removeEventListener('abort', onAbort);
      await owned[Symbol.asyncDispose]();
    },
  };
}
