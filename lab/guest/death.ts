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
/** Long before the console works: all that QEMU itself can still tell. */
const NOTHING = '(the console said nothing)';

/** The panic's own words if a console line is one. */
export function panicIn(line: string): string | undefined {
  return PANIC.exec(line)?.[0];
}

/** What it was that ended a guest whose QEMU is gone. */
export function classify(end: EndOfQemu, tail: string): GuestDeath {
  const death = (kind: GuestDeath['kind'], title: string) => ({ kind, title, tail: tail || NOTHING });
  const said = end.stderr.trim();
  if (end.panic) return death('panic', end.panic);
  if (end.shutdown === 'guest-reset') return death('reboot', 'the guest rebooted without being asked to');
  if (end.shutdown === 'guest-shutdown') return death('exit', 'the guest powered off without being asked to');
  if (end.code === null) return death('signal', `QEMU was ended by ${end.signal}${said && `: ${said}`}`);
  return death('exit', `QEMU ended with code ${end.code}${said && `: ${said}`}`);
}

/** A guest that does not come up is the kernel's fault, unless it was QEMU that failed. */
export function bootError(name: string, death: GuestDeath, end: EndOfQemu | undefined): Error {
  const ofQemu = end && !end.panic && !end.shutdown;
  if (ofQemu) return new LabError(`${name}: ${death.title}\n${death.tail}`);
  return new VerdictError('boot-failed', `${name}: ${death.title}`, death.tail);
}
