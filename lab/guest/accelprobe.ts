import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { start } from '../core/process.ts';
import { machineOptions, QEMU } from './command.ts';
import { scratchFolder } from './scratch.ts';

/** accel.S as assembled: no assembler is needed to look at a machine. */
const CODE = [
  '+uoGfAAAZjHAjtiOwI7QvAB8Zr8AEAAAZrkADAAA/Gbzq2bHBgAQAyAAAGbHBgAgAzAAAGbHBgAwgwAAAA8g4GYNIAYAAA8i',
  '4Ga4ABAAAA8i2Ga5gAAAwA8yZg0AAQAADzAPARawfA8gwCT7Zg0DAACADyLA6np8CAC5QEIPAPIPKsHyD1nAUVn/yXXyD6Jm',
  'ugEFsBXu9Ov9Dx+AAAAAAAAAAAAAAAAAAAAAAACaIAAPAKB8',
].join('');
/** What the probe's `out` to isa-debug-exit makes QEMU end with. */
const SUCCESS = 43;
/** The firmware counts a smaller disk's cylinders as none. */
const DISK_BYTES = 1 << 20;

/** The probe's disk: the code in a boot sector. */
export function bootDisk(): Buffer {
  const disk = Buffer.alloc(DISK_BYTES);
  Buffer.from(CODE, 'base64').copy(disk);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

/** Starts the smallest guest there is, with the machine and CPU of our guests; tells why it failed, or nothing. */
export async function tryGuest(
  accel: 'kvm' | 'tcg',
  deadlineMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  await using scratch = await scratchFolder('guest');
  const disk = join(scratch.dir, 'probe.img');
  await writeFile(disk, bootDisk());
  const args = [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-m', '64M'],
    ...machineOptions(accel),
    ...['-drive', `if=none,id=disk,format=raw,readonly=on,file=${disk.replaceAll(',', ',,')}`],
    ...['-device', 'virtio-blk-pci,drive=disk', '-device', 'isa-debug-exit,iobase=0x501,iosize=1'],
  ];
  await using child = start(QEMU, args, { signal, graceMs: 500 });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(0, 2000);
  });
  child.stdout.resume();
  const deadline = AbortSignal.timeout(deadlineMs);
  const late = new Promise<undefined>((resolve) => {
    deadline.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const end = await Promise.race([child.ended, late]);
  signal.throwIfAborted();
  if (!end) return `the guest hung: it ran nothing to its end in ${deadlineMs / 1000} s`;
  if (end.code === SUCCESS) return undefined;
  const how = end.code === null ? `was ended by ${end.signal}` : `ended with code ${end.code}`;
  const why = said.trim().split('\n')[0];
  return `QEMU ${how}${why ? `: ${why}` : ''}`;
}
