import { arch as nodeArch } from 'node:os';
import { LabError } from '../core/errors.ts';

/**
 * One architecture: everything that differs between machines, kernels and packages. No other file of the lab holds such a fact.
 * Sources: QEMU 7.2's `-machine help`, arch/<srcarch>/Makefile of Linux, Debian's multiarch tuples.
 */
export interface Arch {
  /** The kernel's `ARCH=`, and `uname -m`. */
  readonly name: string;
  /** `process.arch` of Node on this architecture. */
  readonly node: string;
  readonly qemu: {
    readonly system: string;
    /** Emulator of a single program of this architecture (Debian's qemu-user). */
    readonly user: string;
    /** Debian package of `system`. */
    readonly debianPackage: string;
    readonly machine: string;
    /** Machine properties that switch off devices which no guest uses: probing the PS/2 mouse alone took a second of each boot. */
    readonly machineOptions: Readonly<Record<string, string>>;
    /** CPU model under TCG, the one that snapshots of Node are made for as well. */
    readonly emulatedCpu: string;
    /** Values of `-global`. */
    readonly globals: readonly string[];
    /** Guest-physical address at which the firmware maps PCI configuration space. */
    readonly pciConfigBase: number;
    /** The IOMMU of profiles with `iommu: intel`, and the machine properties that it requires. */
    readonly iommu: {
      readonly device: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly machineOptions: Readonly<Record<string, string>>;
    };
    /** Device with which a guest ends QEMU with an exit code of its choice, for the probes. */
    readonly exitDevice: { readonly name: string; readonly fields: Readonly<Record<string, string>> };
    /** Device through which the probes write their output, to a chardev. */
    readonly probeOutput: { readonly name: string; readonly fields: Readonly<Record<string, string>> };
  };
  readonly console: {
    readonly device: string;
    /** Kernel arguments that keep the console driver from probing for further ports. */
    readonly kernelArgs: readonly string[];
  };
  /** Kernel arguments under emulation, where a stalled vCPU makes the clock look unreliable. */
  readonly emulatedKernelArgs: readonly string[];
  /** Kernel argument that takes the rate of the clock of an emulated guest, kHz, where the clock probe measures it. */
  readonly clockRateArgument?: string;
  /** The time stamp counter that benchmarks read (`suites/binding/native/measure.c`). */
  readonly clockSource: string;
  readonly kernel: {
    /** Folder under arch/. */
    readonly srcarch: string;
    /** File that QEMU boots, relative to the object folder; a stored kernel has it by its base name. */
    readonly bootFile: string;
    /** Make target of `bootFile`, which makes vmlinux as well. */
    readonly bootTarget: string;
    /** Compressed image for other boot loaders: make target, and the file that it makes in the object folder. */
    readonly image: { readonly target: string; readonly file: string };
    /** Paths in the source tree that only this architecture's `make headers` reads. */
    readonly headerSources: readonly string[];
    /**
     * Base names, without extensions, of files that only this architecture's build writes in place: a killed build may leave one
     * half written.
     */
    readonly writtenInPlace: readonly string[];
  };
  /** Debian's name of the architecture. */
  readonly debian: string;
  /** Debian's multiarch tuple: names the folder of libraries under `/usr/lib`, and of headers under `/usr/include`. */
  readonly gnuTriplet: string;
  readonly loader: {
    /** Folders, relative to the root of a Debian system, that the loader searches for libraries. */
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
    // x86-64-v2: enough for Node and the kernel, 10% fewer instructions under TCG than `max` with five-level paging.
    emulatedCpu: 'Nehalem',
    // Native PCIe hot-plug instead of ACPI's: surprise removal needs it, and the kernel boots without interpreting ACPI bytecode.
    globals: ['ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'],
    pciConfigBase: 0xb000_0000,
    // Interrupt remapping needs the I/O APIC outside of KVM.
    iommu: {
      device: 'intel-iommu',
      fields: { intremap: 'on' },
      machineOptions: { 'kernel-irqchip': 'split' },
    },
    exitDevice: { name: 'isa-debug-exit', fields: { iobase: '0x501', iosize: '1' } },
    probeOutput: { name: 'isa-debugcon', fields: { iobase: '0xe9' } },
  },
  console: { device: 'ttyS0', kernelArgs: ['8250.nr_uarts=1'] },
  // Linux 6.12 otherwise falls back to a clock that wraps every few seconds, and a debug kernel lost its timers (QEMU 7.2). And it
  // panics when a busy host delivers too few of the ticks that check_timer() counts (arch/x86/kernel/apic/io_apic.c).
  emulatedKernelArgs: ['tsc=reliable', 'no_timer_check'],
  // QEMU gives emulated guests the host's counter (cpu_get_host_ticks()). Linux 5.10 or later (arch/x86/kernel/tsc.c).
  clockRateArgument: 'tsc_early_khz',
  clockSource: 'tsc',
  kernel: {
    srcarch: 'x86',
    bootFile: 'vmlinux',
    bootTarget: 'vmlinux',
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

/**
 * The architecture of this machine, for which kernels are built and guests run. `node` is a `process.arch`. Throws LabError when
 * the table has no row for it.
 */
export function hostArch(node: string = nodeArch()): Arch {
  const row = ARCHES.find((arch) => arch.node === node);
  if (row) return row;
  const expected = ARCHES.map(({ name }) => name).join(', ');
  throw new LabError(`this machine is ${node}; kernels are built and guests run on ${expected}`);
}
