import { constants } from 'node:os';
import { DEATH_GRACE_MS, deathWithin } from '../cell/death.ts';
import { ExitCode, LabError } from '../core/errors.ts';
import { type Guest, type GuestDeath, isLabFault } from '../model/machine.ts';
import { stderr } from './terminal.ts';

/** How a command in a guest ended, as `Guest.exec` reports it. */
type CommandEnd = Awaited<ReturnType<Guest['exec']>>;

/** Exit code of ssh when its connection breaks; a command may also end with it. */
const SSH_BROKEN = 255;

/** A shell's exit code for what a signal has ended. ssh2 gives the name with `SIG`, the protocol is without (RFC 4254, section 6.10). */
const codeOfSignal = (signal: string): number =>
  128 + (constants.signals[`SIG${signal.replace(/^SIG/, '')}` as NodeJS.Signals] ?? 0);

/** Prints how a guest died and gives the exit code for it. Throws LabError for a death that says nothing about the kernel. */
function reportDeath({ kind, title, tail }: GuestDeath): number {
  if (isLabFault(kind)) throw new LabError(`the guest is gone: ${title}\n${tail}`);
  stderr.write(`ringlab: the guest died: ${title}\nlast lines of its console:\n${tail}\n`);
  return ExitCode.failed;
}

/** Whether the kernel has printed the panic that will end the guest in a moment. Throws as `Guest.consoleText`. */
const hasPanicked = (guest: Pick<Guest, 'consoleText'>): boolean =>
  guest.consoleText().includes('Kernel panic - not syncing');

/**
 * The exit code of `ringlab shell -- CMD`: that of the command, 128 + n for signal n, or 1 when the guest died, with the panic and the
 * last lines of the console on standard error. Throws LabError when QEMU failed or the connection broke without a death, and the
 * abort reason.
 */
export async function endOfCommand(
  guest: Pick<Guest, 'death' | 'consoleText'>,
  command: Promise<CommandEnd>,
  signal: AbortSignal,
  graceMs = DEATH_GRACE_MS,
): Promise<number> {
  const first = await Promise.race([command, guest.death]);
  if ('kind' in first) {
    command.catch(() => {});
    return reportDeath(first);
  }
  const { code, signal: name } = first;
  const isBroken = code === null && name === undefined;
  // A panic cuts the connection before the end of QEMU is reported, and may follow the end of the command that caused it.
  const death = await deathWithin(isBroken || hasPanicked(guest) ? graceMs : 0, guest, signal);
  if (death) return reportDeath(death);
  if (name !== undefined) return codeOfSignal(name);
  if (code !== null) return code;
  throw new LabError('the connection to the guest broke before the command ended; the guest lives on');
}

/**
 * The exit code of an interactive shell whose ssh has ended with `code`: as `endOfCommand`. Throws LabError when QEMU failed, and
 * the abort reason.
 */
export async function endOfTerminal(
  guest: Pick<Guest, 'death' | 'consoleText' | 'exec'>,
  code: number,
  signal: AbortSignal,
  graceMs = DEATH_GRACE_MS,
): Promise<number> {
  // A guest that still answers has not cut the connection: the code is that of the last command.
  const answers = async () => (await guest.exec('true', { signal }).catch(() => undefined))?.code === 0;
  const isBroken = code === SSH_BROKEN && !(await Promise.race([answers(), guest.death.then(() => false)]));
  const death = await deathWithin(isBroken || hasPanicked(guest) ? graceMs : 0, guest, signal);
  return death ? reportDeath(death) : code;
}
