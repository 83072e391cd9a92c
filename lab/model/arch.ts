import { arch as nodeArch } from 'node:os';
import { LabError } from '../core/errors.ts';

/**
 * One architecture: everything that differs between machines, kernels and packages. No other file of the lab knows such a fact.
 * Sources: QEMU 7.2's `-machine help`, arch/<srcarch>/Makefile of Linux, Debian's multiarch tuples.
 */
export interface Arch {
  /** As the kernel's `ARCH=` and `uname -m` say. */
  readonly name: string;
  /** `process.arch` of a Node that runs on it. */
  readonly node: string;
  readonly qemu: {
    readonly system: string;
    /** Runs a program of this architecture by emulation (Debian's qemu-user). */
    readonly user: string;
    /** Debian package of `system`. */
    readonly debianPackage: string;
    readonly machine: string;
    /** Properties of the machine: devices that no guest uses cost boot time (the mouse probe alone took a second). */
    readonly machineOptions: Readonly<Record<string, string>>;
    /** CPU under TCG: x86-64-v2 is enough for Node and the kernel, with 10% fewer instructions than `max`. */
    readonly emulatedCpu: string;
    readonly globals: readonly string[];
    /** Where the firmware maps PCI configuration space. */
    readonly pciConfigBase: number;
    /** The IOMMU of profiles with `iommu: intel`, and what the machine needs for it. */
    readonly iommu: {
      readonly device: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly machineOptions: Readonly<Record<string, string>>;
    };
    /** Device by which a guest ends QEMU with a code of its choice, for the accelerator probe. */
    readonly exitDevice: { readonly name: string; readonly fields: Readonly<Record<string, string>> };
  };
  readonly console: {
    readonly device: string;
    /** Kernel arguments that keep the console driver from looking for more. */
    readonly kernelArgs: readonly string[];
  };
  /** Kernel arguments under emulation: a stalled CPU looks like an unreliable clock. */
  readonly emulatedKernelArgs: readonly string[];
  /** What bench reads as time stamps: documentation of `suites/binding/native/measure.c`. */
  readonly clockSource: string;
  readonly kernel: {
    /** Folder under arch/. */
    readonly srcarch: string;
    /** File that QEMU boots, relative to the object folder. */
    readonly bootFile: string;
    /** Compressed image for other loaders: make target, and the file that it makes. */
    readonly image: { readonly target: string; readonly file: string };
    /** Paths of a tree from which `make headers` builds this architecture's headers. */
    readonly headerSources: readonly string[];
    /** Files that this architecture's build writes in place, by base name: a killed build may leave half of one. */
    readonly writtenInPlace: readonly string[];
  };
  readonly debian: string;
  readonly gnuTriplet: string;
  readonly loader: {
    /** Folders of a Debian root, relative to it, where the loader looks for libraries. */
    readonly libraryFolders: readonly string[];
    /** How `ldconfig -p` marks libraries of this architecture. */
    readonly cacheMark: string;
    /** The loader itself, as programs name it among their libraries. */
    readonly name: string;
  };
}

const X86_64: Arch = {
  name: 'x86_64',
  node: 'x64',
  qemu: {
    system: 'qemu-system-x86_64',
    user: 'qemu-x86_64',
    debianPackage: 'qemu-system-x86',
    machine: 'q35',
    machineOptions: {
      ...{ i8042: 'off', sata: 'off', smbus: 'off', vmport: 'off' },
      ...{ hpet: 'off', usb: 'off', smm: 'off' },
    },
    emulatedCpu: 'Nehalem',
    // Native PCIe hot-plug instead of ACPI's: surprise removal needs it, and the kernel boots without interpreting ACPI's code.
    globals: ['ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'],
    pciConfigBase: 0xb000_0000,
    // Interrupt remapping needs the I/O APIC outside of KVM.
    iommu: {
      device: 'intel-iommu',
      fields: { intremap: 'on' },
      machineOptions: { 'kernel-irqchip': 'split' },
    },
    exitDevice: { name: 'isa-debug-exit', fields: { iobase: '0x501', iosize: '1' } },
  },
  console: { device: 'ttyS0', kernelArgs: ['8250.nr_uarts=1'] },
  // Linux 6.12 otherwise falls back to a clock that wraps every few seconds: a debug kernel lost its timers for good (QEMU 7.2).
  emulatedKernelArgs: ['tsc=reliable'],
  clockSource: 'tsc',
  kernel: {
    srcarch: 'x86',
    bootFile: 'vmlinux',
    image: { target: 'bzImage', file: 'arch/x86/boot/bzImage' },
    headerSources: ['arch/x86/include/uapi', 'arch/x86/entry/syscalls', 'arch/x86/include/asm/Kbuild'],
    writtenInPlace: ['bzImage', 'relocs'],
  },
  debian: 'amd64',
  gnuTriplet: 'x86_64-linux-gnu',
  loader: {
    libraryFolders: ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib64'],
    cacheMark: 'libc6,x86-64',
    name: 'ld-linux-x86-64.so.2',
  },
};

/** One row for each architecture. */
export const ARCHES: readonly Arch[] = [X86_64];

/** The architecture of this machine, for which kernels are built and guests run. Throws LabError where there is no row for it. */
export function hostArch(node: string = nodeArch()): Arch {
  const row = ARCHES.find((arch) => arch.node === node);
  if (row) return row;
  const expected = ARCHES.map(({ name }) => name).join(', ');
  throw new LabError(`this machine is ${node}; kernels are built and guests run on ${expected}`);
}
