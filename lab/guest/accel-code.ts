import { LabError } from '../core/errors.ts';
import type { Arch } from '../model/arch.ts';

/** A boot sector that runs without firmware services and ends QEMU through the architecture's exit device. */
interface ProbeCode {
  /** Base64 of the machine code, at most 510 bytes. Stored assembled, so that a machine is probed without an assembler. */
  code: string;
  /** Exit code of a QEMU in which the code ran to its end. */
  exitCode: number;
}

/** By name of the architecture; the source of each is accel-probe.<name>.S. */
const PROBE_CODE: Readonly<Record<string, ProbeCode>> = {
  x86_64: {
    code: [
      '+uoGfAAAZjHAjtiOwI7QvAB8Zr8AEAAAZrkADAAA/Gbzq2bHBgAQAyAAAGbHBgAgAzAAAGbHBgAwgwAAAA8g4GYNIAYAAA8i',
      '4Ga4ABAAAA8i2Ga5gAAAwA8yZg0AAQAADzAPARawfA8gwCT7Zg0DAACADyLA6np8CAC5QEIPAPIPKsHyD1nAUVn/yXXyD6Jm',
      'ugEFsBXu9Ov9Dx+AAAAAAAAAAAAAAAAAAAAAAACaIAAPAKB8',
    ].join(''),
    exitCode: 43,
  },
};

/** The firmware reads no boot sector from a smaller disk, whose size in cylinders rounds to none. */
const DISK_BYTES = 1 << 20;

/** The disk that the probe of an architecture boots from, and the exit code that stands for success. Throws LabError without one. */
export function probeDisk(arch: Arch): { disk: Buffer; exitCode: number } {
  const probe = PROBE_CODE[arch.name];
  if (!probe) throw new LabError(`no accelerator probe for ${arch.name}`);
  const disk = Buffer.alloc(DISK_BYTES);
  Buffer.from(probe.code, 'base64').copy(disk);
  disk.writeUInt16LE(0xaa55, 510);
  return { disk, exitCode: probe.exitCode };
}
