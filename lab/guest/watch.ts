import type { GuestDeath } from '../model/machine.ts';
import { deathOf, evidenceOf } from './death.ts';
import type { Machine } from './qemu.ts';
import type { SshLink } from './ssh.ts';
import { type Timeouts, within } from './timeouts.ts';

/**
 * Resolves when a guest that was ready dies, with its complete console tail; QEMU has ended then. Never resolves when
 * `isShutDown` returns true, because the lab is ending the guest.
 */
export async function watchForDeath(
  machine: Machine,
  link: SshLink,
  timeouts: Timeouts,
  isShutDown: () => boolean,
): Promise<GuestDeath> {
  const reason = await Promise.race([machine.ended.then(() => 'QEMU has ended'), link.closed]);
  // The end of QEMU breaks the connection a moment before it is reported.
  const ended = await within(timeouts.shutdownMs, machine.ended);
  if (isShutDown()) return new Promise<never>(() => {});
  machine.kill();
  const end = await machine.ended;
  if (ended || end.panic) return deathOf(end, machine.console.tail());
  return {
    kind: 'silent',
    title: `the guest stopped answering (${reason})`,
    tail: evidenceOf(machine.console.tail()),
  };
}
