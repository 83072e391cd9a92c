import { LabError, VerdictError } from '../core/errors.ts';
import type { GuestDeath } from '../model/machine.ts';

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
}

const PANIC = /Kernel panic - not syncing.*/;

/** The kernel's panic message in a console line, without what precedes it. */
export function panicIn(line: string): string | undefined {
  return PANIC.exec(line)?.[0];
}

/** A console tail as evidence, which an empty console also is. */
export const evidenceOf = (tail: string): string => tail || '(the console is empty)';

/** What ended a guest whose QEMU is gone. */
export function deathOf(end: QemuEnd, tail: string): GuestDeath {
  const death = (kind: GuestDeath['kind'], title: string) => ({ kind, title, tail: evidenceOf(tail) });
  const stderr = end.stderr.trim() && `: ${end.stderr.trim()}`;
  if (end.panic) return death('panic', end.panic);
  if (end.shutdown === 'guest-reset') return death('reboot', 'the guest rebooted without being asked to');
  if (end.shutdown === 'guest-shutdown') return death('exit', 'the guest powered off without being asked to');
  if (end.code === null) return death('signal', `QEMU was ended by ${end.signal}${stderr}`);
  return death('exit', `QEMU ended with code ${end.code}${stderr}`);
}

/**
 * The error for a guest that died before it was ready: LabError where QEMU failed by itself, else VerdictError, because the kernel
 * is at fault. `end` is absent when the lab ended QEMU.
 */
export function bootError(name: string, death: GuestDeath, end?: QemuEnd): LabError | VerdictError {
  const title = `${name}: ${death.title}`;
  if (end && !end.panic && !end.shutdown) return new LabError(`${title}\n${death.tail}`);
  return new VerdictError('boot-failed', title, evidenceOf(death.tail));
}
