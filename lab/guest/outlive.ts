import { LabError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { GuestRequest } from '../model/machine.ts';
import { bootError, deathOf, hasOwnCause } from './death.ts';
import type { Machine } from './qemu.ts';
import { aborted, type Timeouts, withinAndPolled } from './timeouts.ts';

/**
 * The result of `work` on a guest that is not ready yet, if the guest gets there before it dies and before its deadline. `work` gets the
 * signal of that deadline. Throws VerdictError `boot-failed` when the kernel is at fault, LabError when QEMU is, the abort reason when
 * `ctx.signal` fires; QEMU may still run then only after an abort.
 */
export async function outlived<T>(
  request: GuestRequest,
  machine: Machine,
  timeouts: Timeouts,
  ctx: StageContext,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = timeouts.deadline?.(request.bootTimeoutMs) ?? AbortSignal.timeout(request.bootTimeoutMs);
  const signal = AbortSignal.any([ctx.signal, deadline]);
  const done = work(signal);
  const ended = machine.ended.then(() => Promise.reject(new LabError('QEMU has ended')));
  try {
    return await Promise.race([done, ended, aborted(signal)]);
  } catch (error) {
    done.catch(() => {});
    ctx.signal.throwIfAborted();
    // The end of QEMU breaks every channel: it is the reason even where a broken channel was noticed first.
    if (!deadline.aborted) await withinAndPolled(timeouts.shutdownMs, machine.ended);
    const isLate = machine.isRunning() && deadline.aborted;
    const isBroken = machine.isRunning() && !deadline.aborted;
    machine.kill();
    const end = await machine.ended;
    const tail = machine.console.tail();
    const late = {
      kind: 'boot-timeout' as const,
      title: `not ready within ${request.bootTimeoutMs / 1000} s`,
    };
    // Of a QEMU that the lab ended, only what the guest did before outranks why.
    if (isBroken && !hasOwnCause(end)) throw error;
    throw bootError(request.name, deathOf(end, tail, isLate ? late : undefined));
  }
}
