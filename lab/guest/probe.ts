import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { start } from '../core/process.ts';
import type { Arch } from '../model/arch.ts';
import type { Accel } from '../model/machine.ts';
import { machineOptions } from './command.ts';
import { device, rawDrive } from './option.ts';
import { type Probe, probeDisk } from './probe-code.ts';
import { scratchFolder } from './scratch.ts';

/** Bytes kept of each output stream of QEMU. */
const OUTPUT_KEPT = 4000;

function commandOf(arch: Arch, accel: Accel, disk: string): string[] {
  const { exitDevice, probeOutput } = arch.qemu;
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-m', '64M'],
    ...machineOptions(arch, accel),
    ...rawDrive('disk', disk, { readonly: 'on' }),
    ...device('virtio-blk-pci', { drive: 'disk' }),
    ...['-chardev', 'stdio,id=output,signal=off'],
    ...device(probeOutput.name, { ...probeOutput.fields, chardev: 'output' }),
    ...device(exitDevice.name, exitDevice.fields),
  ];
}

/** What a probe wrote, or why it did not run to its end. */
export type ProbeResult = { output: Buffer; failure?: undefined } | { failure: string };

/**
 * Runs a probe in the smallest possible guest, on the machine and CPU that our guests have. Throws LabError when the architecture has
 * no probe, the abort reason when `signal` fires.
 */
export async function runProbe(
  arch: Arch,
  { probe, accel, deadlineMs }: { probe: Probe; accel: Accel; deadlineMs: number },
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { disk, exitCode } = probeDisk(arch, probe);
  await using scratch = await scratchFolder('guest');
  const file = join(scratch.dir, 'probe.img');
  await writeFile(file, disk);
  await using child = start(arch.qemu.system, commandOf(arch, accel, file), { signal, graceMs: 500 });
  const kept = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (chunk: Buffer) => {
      kept[stream] = Buffer.concat([kept[stream], chunk]).subarray(0, OUTPUT_KEPT);
    });
  const read = new Promise((resolve) => child.stdout.once('close', resolve));
  const deadline = AbortSignal.timeout(deadlineMs);
  const late = new Promise<undefined>((resolve) => {
    deadline.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const end = await Promise.race([child.ended, late]);
  signal.throwIfAborted();
  if (!end) return { failure: `the guest hung: it did not end within ${deadlineMs / 1000} s` };
  if (end.code === exitCode) {
    await Promise.race([read, late]);
    return { output: kept.stdout };
  }
  const outcome = end.code === null ? `was ended by ${end.signal}` : `ended with code ${end.code}`;
  const cause = kept.stderr.toString('utf8').trim().split('\n')[0];
  return { failure: `QEMU ${outcome}${cause ? `: ${cause}` : ''}` };
}
