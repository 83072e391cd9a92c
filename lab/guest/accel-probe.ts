import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { start } from '../core/process.ts';
import type { Arch } from '../model/arch.ts';
import type { Accel } from '../model/machine.ts';
import { probeDisk } from './accel-code.ts';
import { machineOptions } from './command.ts';
import { device, rawDrive } from './option.ts';
import { scratchFolder } from './scratch.ts';

/** Characters kept of what QEMU writes to standard error. */
const STDERR_KEPT = 2000;

function commandOf(arch: Arch, accel: Accel, disk: string): string[] {
  const { exitDevice } = arch.qemu;
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-m', '64M'],
    ...machineOptions(arch, accel),
    ...rawDrive('disk', disk, { readonly: 'on' }),
    ...device('virtio-blk-pci', { drive: 'disk' }),
    ...device(exitDevice.name, exitDevice.fields),
  ];
}

/**
 * Runs the smallest possible guest on the machine and CPU that our guests have. Returns undefined when it ran to its end, else
 * why it did not. Throws LabError when the architecture has no probe, the abort reason when `signal` fires.
 */
export async function tryGuest(
  arch: Arch,
  accel: Accel,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { disk, exitCode } = probeDisk(arch);
  await using scratch = await scratchFolder('guest');
  const file = join(scratch.dir, 'probe.img');
  await writeFile(file, disk);
  await using child = start(arch.qemu.system, commandOf(arch, accel, file), { signal, graceMs: 500 });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(0, STDERR_KEPT);
  });
  child.stdout.resume();
  const deadline = AbortSignal.timeout(deadlineMs);
  const late = new Promise<undefined>((resolve) => {
    deadline.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const end = await Promise.race([child.ended, late]);
  signal.throwIfAborted();
  if (!end) return `the guest hung: it did not end within ${deadlineMs / 1000} s`;
  if (end.code === exitCode) return undefined;
  const outcome = end.code === null ? `was ended by ${end.signal}` : `ended with code ${end.code}`;
  const cause = stderr.trim().split('\n')[0];
  return `QEMU ${outcome}${cause ? `: ${cause}` : ''}`;
}
