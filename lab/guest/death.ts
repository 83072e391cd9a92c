import { LabError, VerdictError } from '../core/errors.ts';
import type { GuestDeath } from '../model/machine.ts';

/** How QEMU ended and what was seen before. */
export interface EndOfQemu {
  code: number | null;
  signal: string | null;
  stderr: string;
  /** Reason of QMP's SHUTDOWN event: `guest-reset`, `guest-shutdown`, ... */
  shutdown?: string;
  /** The console's first line of a panic. */
  panic?: string;
}

const PANIC = /Kernel panic - not syncing.*/;

/** The panic's own words if a console line is one. */
export function panicIn(line: string): string | undefined {
  return PANIC.exec(line)?.[0];
}

/** A tail that says so when there is nothing to show. */
export const tailOf = (tail: string) => tail || '(the console said nothing)';

/** What it was that ended a guest whose QEMU is gone. */
export function classify(end: EndOfQemu, tail: string): GuestDeath {
  const death = (kind: GuestDeath['kind'], title: string) => ({ kind, title, tail: tailOf(tail) });
  const said = end.stderr.trim() && `: ${end.stderr.trim()}`;
  if (end.panic) return death('panic', end.panic);
  if (end.shutdown === 'guest-reset') return death('reboot', 'the guest rebooted without being asked to');
  if (end.shutdown === 'guest-shutdown') return death('exit', 'the guest powered off without being asked to');
  if (end.code === null) return death('signal', `QEMU was ended by ${end.signal}${said}`);
  return death('exit', `QEMU ended with code ${end.code}${said}`);
}

/**
 * The error for a guest that died before its hello. `end` is absent when it was the lab that ended it. The kernel is at
 * fault unless QEMU failed by itself.
 */
export function bootError(name: string, death: GuestDeath, end?: EndOfQemu): Error {
  const title = `${name}: ${death.title}`;
  if (end && !end.panic && !end.shutdown) return new LabError(`${title}\n${death.tail}`);
  return new VerdictError('boot-failed', title, tailOf(death.tail));
}
