import { LabError, VerdictError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { GuestRequest } from '../model/machine.ts';
import type { ConsoleLog } from './console.ts';
import { bootError, classify } from './death.ts';
import { type Patience, within } from './patience.ts';
import type { Machine } from './qemu.ts';
import { forwardedPort, type Qmp } from './qmp.ts';
import type { Keys } from './seed.ts';
import { SshLink } from './ssh.ts';

/** What init prints when sshd listens (images/minimal/init). */
const HELLO = /^ringlab: guest is up/;

/** A guest that has answered. */
export interface Greeting {
  qmp: Qmp;
  link: SshLink;
  /** Port of the host's loopback that leads to the guest's sshd. */
  port: number;
  qemuVersion: string;
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

async function versionOf(qmp: Qmp): Promise<string> {
  const { qemu } = (await qmp.execute('query-version')) as { qemu: Record<string, number> };
  return `${qemu.major}.${qemu.minor}.${qemu.micro}`;
}

/** Logs in: the proof that the guest lives. */
async function logIn(
  request: GuestRequest,
  keys: Keys,
  port: number,
  patience: Patience,
  signal: AbortSignal,
) {
  try {
    const target = { port, privateKey: keys.client, hostKey: keys.host, keepalive: patience.heartbeat };
    return await SshLink.connect({ ...target, signal });
  } catch (cause) {
    const { message } = cause as Error;
    throw new VerdictError('boot-failed', `${request.name}: said hello, but: ${message}`, message, { cause });
  }
}

async function greet(
  request: GuestRequest,
  machine: Machine,
  keys: Keys,
  patience: Patience,
  signal: AbortSignal,
): Promise<Greeting> {
  const said = hello(machine.console);
  const qmp = await machine.qmp;
  await qmp.execute('qmp_capabilities');
  const qemuVersion = await versionOf(qmp);
  const port = await forwardedPort(qmp);
  await said;
  return { qmp, port, qemuVersion, link: await logIn(request, keys, port, patience, signal) };
}

/** Rejects when `signal` fires. */
const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

/**
 * Waits until the guest has answered. Throws VerdictError when the kernel does not get there before the deadline, LabError
 * when QEMU fails, the abort reason when `ctx.signal` fires. QEMU is the caller's to end.
 */
export async function untilGreeted(
  request: GuestRequest,
  machine: Machine,
  keys: Keys,
  patience: Patience,
  ctx: StageContext,
): Promise<Greeting> {
  const deadline = AbortSignal.timeout(request.bootTimeoutMs);
  const signal = AbortSignal.any([ctx.signal, deadline]);
  const greeting = greet(request, machine, keys, patience, signal);
  const over = machine.ended.then(() => Promise.reject(new LabError('QEMU has ended')));
  try {
    return await Promise.race([greeting, over, aborted(signal)]);
  } catch (error) {
    greeting.catch(() => {});
    ctx.signal.throwIfAborted();
    // QEMU's end breaks every channel: then it is the reason, whichever was noticed first.
    const parted = deadline.aborted ? undefined : await within(patience.partingMs, machine.ended);
    machine.kill();
    const end = await machine.ended;
    const tail = machine.console.tail();
    if (parted || end.panic) throw bootError(request.name, classify(end, tail), end);
    if (!deadline.aborted) throw error;
    const title = `no hello within ${request.bootTimeoutMs / 1000} s`;
    throw bootError(request.name, { kind: 'boot-timeout', title, tail });
  }
}
