import { LabError } from '../core/errors.ts';
import type { Arch } from '../model/arch.ts';

/** A probe: `accel` tries an accelerator, `clock` samples the clock of emulated guests. */
export type Probe = 'accel' | 'clock';

/** Boot sectors that need nothing of the firmware once they run, and end QEMU through the architecture's exit device. */
interface ProbeCode {
  /** Base64 of the machine code, at most 510 bytes. Stored assembled, so that a machine is probed without an assembler. */
  code: Record<Probe, string>;
  /** Exit code of a QEMU in which the code ran to its end. */
  exitCode: number;
}

/** By name of the architecture; the source of each is <probe>-probe.<name>.S. */
const PROBE_CODE: Readonly<Record<string, ProbeCode>> = {
  x86_64: {
    code: {
      accel: [
        '+uoGfAAAZjHAjtiOwI7QvAB8Zr8AEAAAZrkADAAA/Gbzq2bHBgAQAyAAAGbHBgAgAzAAAGbHBgAwgwAAAA8g4GYNIAYAAA8i',
        '4Ga4ABAAAA8i2Ga5gAAAwA8yZg0AAQAADzAPARawfA8gwCT7Zg0DAACADyLA6np8CAC5QEIPAPIPKsHyD1nAUVn/yXXyD6Jm',
        'ugEFsBXu9Ov9Dx+AAAAAAAAAAAAAAAAAAAAAAACaIAAPAKB8',
      ].join(''),
      clock: [
        '+uoGfAAAMcCO0LwAfL1AAA8xZonGZonXuggGZu1micMPMWZSZlBmU2ZXZla5BQC66QBmWL4EAO5mwegITnX44vG6CAZm7WYp',
        '2GYl////AGY9ABAAAHLtTXW2ugEFsBXu9Ov9',
      ].join(''),
    },
    exitCode: 43,
  },
};

/** The firmware reads no boot sector from a smaller disk, whose size in cylinders rounds to none. */
const DISK_BYTES = 1 << 20;

/** The disk that a probe of an architecture boots from, and the exit code that stands for success. Throws LabError without one. */
export function probeDisk(arch: Arch, probe: Probe): { disk: Buffer; exitCode: number } {
  const codes = PROBE_CODE[arch.name];
  if (!codes) throw new LabError(`no probes for ${arch.name}`);
  const disk = Buffer.alloc(DISK_BYTES);
  Buffer.from(codes.code[probe], 'base64').copy(disk);
  disk.writeUInt16LE(0xaa55, 510);
  return { disk, exitCode: codes.exitCode };
}
