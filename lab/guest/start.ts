import { asReported, StorageError } from '../core/storage.ts';
import type { StageContext } from '../model/event.ts';
import type { Guest, GuestRequest } from '../model/machine.ts';
import { bootGuest } from './boot.ts';
import type { Templates } from './fork/templates.ts';
import { DEFAULT_TIMEOUTS } from './timeouts.ts';

/** Most time that a fork takes, ms, under emulation with a debug kernel: one that takes longer is booted. */
const FORK_MS = 60_000;

/**
 * Forks a guest of its template, or boots it where there is none or the fork does not come up; `Guest.start` says which and why. Throws as
 * `bootGuest`.
 */
export async function startGuest(
  request: GuestRequest,
  templates: Templates | { reason: string },
  ctx: StageContext,
): Promise<Guest> {
  const boot = (reason: string) => bootGuest(request, ctx, DEFAULT_TIMEOUTS, { reason });
  if ('reason' in templates) return boot(templates.reason);
  const origin = await templates.find(request);
  if ('reason' in origin) return boot(origin.reason);
  const bootTimeoutMs = Math.min(request.bootTimeoutMs, FORK_MS);
  try {
    return await bootGuest({ ...request, bootTimeoutMs }, ctx, DEFAULT_TIMEOUTS, origin);
  } catch (error) {
    ctx.signal.throwIfAborted();
    // A boot needs the same disk.
    if (asReported(error) instanceof StorageError) throw error;
    return boot(await templates.giveUp(request, error));
  }
}
