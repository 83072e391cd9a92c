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

/** How QEMU was ended from outside, by a user or for want of memory; undefined when it ended by itself. */
function killedBy({ signal, shutdown, panic, flood }: QemuEnd): string | undefined {
  if (panic || flood) return undefined;
  if (signal && !CRASHES.includes(signal)) return `QEMU was ended from outside by ${signal}`;
  // QEMU catches the signals of an orderly end, and names the cause (qapi/run-state.json, ShutdownCause).
  return shutdown === 'host-signal' ? 'QEMU was ended from outside by a signal' : undefined;
}

/** What the guest did that ended QEMU, by the reason of the shutdown; undefined when the guest did nothing. */
function endedByGuest({ shutdown }: QemuEnd): Pick<GuestDeath, 'kind' | 'title'> | undefined {
  if (shutdown === undefined || shutdown.startsWith('host-')) return undefined;
  if (shutdown === 'guest-reset')
    return { kind: 'reboot', title: 'the guest rebooted without being asked to' };
  if (shutdown === 'guest-shutdown')
    return { kind: 'exit', title: 'the guest powered off without being asked to' };
  return { kind: 'exit', title: `QEMU reported the end of the guest: ${shutdown}` };
}

/**
 * What ended a guest whose QEMU is gone. A QEMU that crashes or gives up by itself is at fault: what a guest does to its devices may
 * provoke that, but says nothing of the kernel's correctness.
 */
export function deathOf(end: QemuEnd, tail: string): GuestDeath {
  const death = (kind: GuestDeath['kind'], title: string) => ({ kind, title, tail: evidenceOf(tail) });
  const stderr = end.stderr.trim() && `: ${end.stderr.trim()}`;
  if (end.panic) return death('panic', end.panic);
  if (end.flood) return death('flood', end.flood);
  const killed = killedBy(end);
  if (killed) return death('signal', `${killed}${stderr}`);
  const byGuest = endedByGuest(end);
  if (byGuest) return death(byGuest.kind, byGuest.title);
  if (end.code === null) return death('qemu', `QEMU crashed: it was ended by ${end.signal}${stderr}`);
  return death('qemu', `QEMU ended with code ${end.code}${stderr}`);
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
