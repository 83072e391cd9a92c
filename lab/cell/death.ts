import { setTimeout as delay } from 'node:timers/promises';
import { type Guest, type GuestDeath, isLabFault } from '../model/machine.ts';
import type { CellVerdict } from '../model/verdict.ts';

/** How long a guest may take to die by its panic after the connection to it broke, ms. */
export const DEATH_GRACE_MS = 10_000;

/** Of a cell whose guest died. */
export function verdictOf(kind: GuestDeath['kind']): CellVerdict {
  if (isLabFault(kind)) return 'lab-failed';
  return kind === 'panic' || kind === 'reboot' ? 'crash' : 'lost';
}

/** The death of a guest; undefined when it lives on for `ms`. Throws the abort reason. */
export async function deathWithin(
  ms: number,
  { death }: Pick<Guest, 'death'>,
  signal: AbortSignal,
): Promise<GuestDeath | undefined> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const late = delay(ms, undefined, { signal: AbortSignal.any([signal, stop.signal]) });
  try {
    return await Promise.race([death, late]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    stop.abort();
  }
}
