import type { GuestDeath } from '../model/machine.ts';
import { classify, tailOf } from './death.ts';
import { type Patience, within } from './patience.ts';
import type { Machine } from './qemu.ts';
import type { SshLink } from './ssh.ts';

/**
 * Resolves when a greeted guest dies, with its console's tail to the end; never when `asked` says that it was meant to. QEMU
 * is gone then.
 */
export async function watchOver(
  machine: Machine,
  link: SshLink,
  patience: Patience,
  asked: () => boolean,
): Promise<GuestDeath> {
  const lost = await Promise.race([machine.ended.then(() => 'QEMU has ended'), link.closed]);
  // The end of QEMU breaks the connection a moment before it is known.
  const parted = await within(patience.partingMs, machine.ended);
  if (asked()) return new Promise<never>(() => {});
  machine.kill();
  const end = await machine.ended;
  if (parted || end.panic) return classify(end, machine.console.tail());
  return {
    kind: 'silent',
    title: `the guest stopped answering (${lost})`,
    tail: tailOf(machine.console.tail()),
  };
}
