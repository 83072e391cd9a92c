import { VerdictError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { GuestRequest } from '../model/machine.ts';
import { lineOn } from './console.ts';
import { MISSING_LINE, READY_LINE } from './init-lines.ts';
import { outlived } from './outlive.ts';
import type { Machine } from './qemu.ts';
import { forwardedPort, type Qmp } from './qmp.ts';
import type { Keys } from './seed.ts';
import { SshLink } from './ssh.ts';
import type { Timeouts } from './timeouts.ts';

/** The connections to a guest that is ready. */
interface ReadyGuest {
  qmp: Qmp;
  link: SshLink;
  /** Port of the host's loopback that leads to the guest's sshd. */
  port: number;
  qemuVersion: string;
}

async function versionOf(qmp: Qmp): Promise<string> {
  const { qemu } = (await qmp.execute('query-version')) as { qemu: Record<string, number> };
  return `${qemu.major}.${qemu.minor}.${qemu.micro}`;
}

/**
 * Connections to a guest that counts instructions. Its clock jumps from timer to timer while it is idle, so the minutes that sshd gives
 * a login may pass while the host computes a key.
 */
const LOGINS = 5;

/** Connects; again where a guest with a clock of its own has closed the connection before the login. */
async function connectWithin(
  logins: number,
  target: Parameters<typeof SshLink.connect>[0],
): Promise<SshLink> {
  try {
    return await SshLink.connect(target);
  } catch (error) {
    target.signal.throwIfAborted();
    if (logins <= 1) throw error;
    return connectWithin(logins - 1, target);
  }
}

/** Logs in, which proves that the guest runs programs: QEMU's port forward accepts connections even while the guest is dead. */
async function logIn(
  request: GuestRequest,
  keys: Keys,
  port: number,
  timeouts: Timeouts,
  signal: AbortSignal,
) {
  try {
    const target = { port, privateKey: keys.client, hostKey: keys.host, keepalive: timeouts.heartbeat };
    return await connectWithin(request.profile.icount ? LOGINS : 1, { ...target, signal });
  } catch (cause) {
    const { message } = cause as Error;
    const title = `${request.name}: init reported that the guest is up, but SSH failed: ${message}`;
    throw new VerdictError('boot-failed', title, message, { cause });
  }
}

/** Lets a guest run that was not started by its command line. */
type Wake = (qmp: Qmp) => Promise<void>;

async function connect(
  request: GuestRequest,
  machine: Machine,
  keys: Keys,
  timeouts: Timeouts,
  signal: AbortSignal,
  wake?: Wake,
): Promise<ReadyGuest> {
  const up = lineOn(machine.console, READY_LINE, MISSING_LINE);
  const qmp = await machine.qmp;
  await qmp.execute('qmp_capabilities');
  const qemuVersion = await versionOf(qmp);
  await wake?.(qmp);
  const port = await forwardedPort(qmp);
  await up;
  return { qmp, port, qemuVersion, link: await logIn(request, keys, port, timeouts, signal) };
}

/**
 * Waits until init has reported the guest and SSH has logged in. Throws VerdictError `boot-failed` when the kernel does not get
 * there before the deadline, LabError when QEMU fails, the abort reason when `ctx.signal` fires. The caller ends QEMU.
 */
export function waitUntilReady(
  request: GuestRequest,
  machine: Machine,
  keys: Keys,
  timeouts: Timeouts,
  ctx: StageContext,
  wake?: Wake,
): Promise<ReadyGuest> {
  const connectIt = (signal: AbortSignal) => connect(request, machine, keys, timeouts, signal, wake);
  return outlived(request, machine, timeouts, ctx, connectIt);
}
