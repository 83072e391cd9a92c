import type { GuestDeath } from '../model/machine.ts';
import { deathOf } from './death.ts';
import type { Machine } from './qemu.ts';
import type { SshLink } from './ssh.ts';
import { type Timeouts, withinAndPolled } from './timeouts.ts';

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
  await withinAndPolled(timeouts.shutdownMs, machine.ended);
  if (isShutDown()) return new Promise<never>(() => {});
  // A QEMU that has ended needs no end by the lab, although the lab may know of its end only later.
  const byLab: Pick<GuestDeath, 'kind' | 'title'> | undefined = machine.isRunning()
    ? { kind: 'silent', title: `the guest stopped answering (${reason})` }
    : undefined;
  machine.kill();
  return deathOf(await machine.ended, machine.console.tail(), byLab);
}
