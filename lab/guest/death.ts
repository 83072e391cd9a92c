import { constants } from 'node:os';
import { LabError, VerdictError } from '../core/errors.ts';
import { type GuestDeath, isLabFault } from '../model/machine.ts';

/** How QEMU ended and what was observed before. */
export interface QemuEnd {
  /** Exit code; null when a signal ended QEMU. */
  code: number | null;
  signal: string | null;
  stderr: string;
  /** Reason of QMP's SHUTDOWN event: `guest-reset`, `guest-shutdown`, ... */
  shutdown?: string;
  /** First line of a kernel panic on the console. */
  panic?: string;
  /** Why the lab ended a guest that printed too much. */
  flood?: string;
}

const PANIC = /Kernel panic - not syncing.*/;

/** The kernel's panic message in a console line, without what precedes it. */
export function panicIn(line: string): string | undefined {
  return PANIC.exec(line)?.[0];
}

/** A console tail as evidence, which an empty console also is. */
export const evidenceOf = (tail: string): string => tail || '(the console is empty)';

/** Signals by which a program ends itself: a QEMU that crashes was not ended from outside. */
const CRASHES = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGSYS', 'SIGTRAP'];

type Cause = Pick<GuestDeath, 'kind' | 'title'>;

/** What the guest did that ended it, however QEMU's process ended then; undefined when the guest did nothing. */
function endedByGuest({ shutdown, panic, flood }: QemuEnd): Cause | undefined {
  if (panic) return { kind: 'panic', title: panic };
  if (flood) return { kind: 'flood', title: flood };
  if (shutdown === undefined || shutdown.startsWith('host-')) return undefined;
  if (shutdown === 'guest-reset')
    return { kind: 'reboot', title: 'the guest rebooted without being asked to' };
  if (shutdown === 'guest-shutdown')
    return { kind: 'exit', title: 'the guest powered off without being asked to' };
  // Of a panic device, which only a user's arguments add.
  if (shutdown === 'guest-panic') return { kind: 'panic', title: 'the guest reported a panic to QEMU' };
  return { kind: 'exit', title: `QEMU reported the end of the guest: ${shutdown}` };
}

/** How QEMU failed by itself; undefined when it did not, which its end by a signal of others leaves open. */
function failedByItself({ code, signal, shutdown }: QemuEnd): Cause | undefined {
  if (signal && CRASHES.includes(signal))
    return { kind: 'qemu', title: `QEMU crashed: it was ended by ${signal}` };
  const isError = code !== null && code !== 0;
  return isError || shutdown === 'host-error'
    ? { kind: 'qemu', title: `QEMU ended with code ${code}` }
    : undefined;
}

/** Whether the guest ended or QEMU failed by itself. */
export const hasOwnCause = (end: QemuEnd): boolean =>
  endedByGuest(end) !== undefined || failedByItself(end) !== undefined;

/** What QEMU prints when it ends orderly on a signal: the event that says so may be lost with the channel (softmmu/runstate.c). */
const TERMINATED = /terminating on signal (\d+)/;

const nameOfSignal = (number: number): string =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;

/** How a QEMU was ended from outside: not by its guest and not by a fault in QEMU. */
function endedFromOutside({ code, signal, shutdown, stderr }: QemuEnd): Cause {
  const outside = (how: string): Cause => ({
    kind: 'signal',
    title: `QEMU was ended from outside by ${how}`,
  });
  const [, number] = TERMINATED.exec(stderr) ?? [];
  if (number !== undefined) return outside(nameOfSignal(Number(number)));
  if (shutdown === 'host-signal') return outside('a signal');
  if (signal) return outside(signal);
  return { kind: 'qemu', title: `QEMU ended with code ${code}` };
}

/**
 * What ended a guest whose QEMU is gone. What the guest did counts first, whatever ended QEMU's process then; a QEMU that crashes or gives
 * up by itself is at fault: what a guest does to its devices may provoke that, but says nothing of the kernel's correctness.
 * `byLab`: why the lab ended QEMU, which explains any signal. The death is the same in whatever order the facts of `end` became known.
 */
export function deathOf(end: QemuEnd, tail: string, byLab?: Cause): GuestDeath {
  const stderr = end.stderr.trim() && `: ${end.stderr.trim()}`;
  const byGuest = endedByGuest(end);
  const failure = failedByItself(end);
  const { kind, title } = byGuest ?? failure ?? byLab ?? endedFromOutside(end);
  return { kind, title: isLabFault(kind) ? `${title}${stderr}` : title, tail: evidenceOf(tail) };
}

/**
 * The error for a guest that died before it was ready: LabError where QEMU failed by itself or was ended from outside, else
 * VerdictError, because the kernel is at fault.
 */
export function bootError(name: string, death: GuestDeath): LabError | VerdictError {
  const title = `${name}: ${death.title}`;
  if (isLabFault(death.kind)) return new LabError(`${title}\n${death.tail}`);
  return new VerdictError('boot-failed', title, evidenceOf(death.tail));
}
