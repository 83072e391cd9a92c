import type { Guest } from '../model/machine.ts';
import { signalOf } from '../tap/index.ts';
import { DEATH_GRACE_MS } from './death.ts';
import type { End } from './suite-end.ts';

/** As `DEATH_GRACE_MS`, of a guest whose connection was lost. */
const LOST_GRACE_MS = 60_000;

async function deadline<T>(ms: number, value: T, stop: AbortSignal): Promise<T> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, value);
    stop.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}

/** Rejects with the reason when `signal` fires before `done` does. */
function rejectOnAbort(signal: AbortSignal, done: AbortSignal): Promise<never> {
  const rejected = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true, signal: done });
  });
  rejected.catch(() => {});
  return rejected;
}

/** Signals by which init ends what runs when a guest goes down, and the kernel when it is out of memory. */
const ENDS_ALL = ['SIGHUP', 'SIGKILL', 'SIGTERM'];

/** How long the death of its guest may follow the end of a suite and explain it, ms. */
function deathGrace(end: End): number {
  if (end.kind !== 'exit') return 0;
  // A lost connection has a death for its cause, which is reported however long that takes on a busy machine.
  if (end.code === null) return end.signal === undefined ? LOST_GRACE_MS : DEATH_GRACE_MS;
  return ENDS_ALL.includes(signalOf(end.code) ?? '') ? DEATH_GRACE_MS : 0;
}

/**
 * Waits for the suite's end, the guest's death or the suite's deadline, whichever comes first. Throws the abort reason at once: an
 * abort cuts the connection too, and a guest that the lab ends has no death to wait for.
 */
export async function waitForEnd(
  guest: Guest,
  ends: Promise<End>[],
  suiteMs: number,
  signal: AbortSignal,
): Promise<End> {
  const stop = new AbortController();
  const death = guest.death.then((found): End => ({ kind: 'death', death: found }));
  const aborted = rejectOnAbort(signal, stop.signal);
  try {
    const limit = deadline<End>(suiteMs, { kind: 'timeout' }, stop.signal);
    const end = await Promise.race([...ends, death, limit, aborted]);
    const graceMs = deathGrace(end);
    if (graceMs === 0) return end;
    // A panic cuts the connection before QEMU has reported it: the death explains more than the cut.
    return await Promise.race([death, deadline(graceMs, end, stop.signal), aborted]);
  } finally {
    stop.abort();
  }
}

/** What the kernel says of its tasks, before the guest of a suite that hangs is ended. Throws the abort reason. */
export async function tasksOf(guest: Guest, signal: AbortSignal): Promise<string> {
  const done = new AbortController();
  try {
    return await Promise.race([guest.showTasks(), rejectOnAbort(signal, done.signal)]);
  } finally {
    done.abort();
  }
}
