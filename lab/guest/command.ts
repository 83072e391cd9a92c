import { join } from 'node:path';
import type { GuestProfile } from '../model/guest.ts';
import { type Accel, EMULATED_CPU, type GuestRequest } from '../model/machine.ts';
import { type ControllerPlace, type Layout, layOut, type NamespacePlace } from './layout.ts';

export const QEMU = 'qemu-system-x86_64';

/** Serial number by which init knows the drive with this boot's keys. */
export const SEED_SERIAL = 'ringlab-seed';

/** Files and sockets of one boot. */
export interface BootPaths {
  /** Unix sockets on which the lab listens and to which QEMU connects; 107 bytes at most. */
  qmp: string;
  qtest: string;
  seed: string;
  drive: (id: string) => string;
}

/** The paths of a boot in `dir`; sockets may live elsewhere because their paths must be short. */
export const bootPaths = (dir: string, socketDir = dir): BootPaths => ({
  qmp: join(socketDir, 'qmp'),
  qtest: join(socketDir, 'qtest'),
  seed: join(dir, 'seed.tar'),
  drive: (id) => join(dir, `${id}.raw`),
});

/** A value inside a QEMU option: a comma ends it, and two of them are one. */
const quoted = (value: string) => value.replaceAll(',', ',,');

/** `name,a=1,b=2`; undefined values are left out. */
function option(name: string, fields: Record<string, string | number | undefined>): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [name, ...given.map(([key, value]) => `${key}=${quoted(String(value))}`)].join(',');
}

const device = (name: string, fields: Record<string, string | number | undefined> = {}) => [
  '-device',
  option(name, fields),
];

function rawDrive(id: string, file: string, fields: Record<string, string> = {}): string[] {
  return ['-drive', option('if=none', { id, file, format: 'raw', ...fields })];
}

/**
 * Nothing that QEMU would add by itself; a reboot ends QEMU, so that a panic cannot go round in circles. Native PCIe hot-plug
 * instead of ACPI's: only it can be taken by surprise, and ACPI's is a lot of code for a booting kernel to interpret.
 */
const basics = (request: GuestRequest) => [
  ...['-global', 'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'],
  ...['-name', quoted(request.name), '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
];

// What no guest uses costs boot time: the kernel's mouse probe alone took a second.
const UNUSED = {
  i8042: 'off',
  sata: 'off',
  smbus: 'off',
  vmport: 'off',
  hpet: 'off',
  usb: 'off',
  smm: 'off',
};

/** Machine and CPU that guests have under an accelerator; the probe of KVM tries the same. */
export const machineOptions = (accel: Accel, machine: Record<string, string> = {}): string[] => [
  ...['-machine', option('q35', { ...machine, ...UNUSED })],
  ...(accel === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi,tb-size=256']),
  ...(accel === 'kvm' ? [] : ['-cpu', EMULATED_CPU]),
];

/** Counting instructions is TCG's, and on one vCPU only. */
const COUNTING = ['-machine', option('q35', UNUSED), '-accel', 'tcg,tb-size=256', '-cpu', EMULATED_CPU];

const emulated = ({ profile, accel }: GuestRequest) => profile.icount || accel === 'tcg';

function machine({ profile, accel }: GuestRequest): string[] {
  // A null drive answers by the host's clock: meanwhile the guest's is to go on with it and not jump from timer to timer.
  const sleep = profile.drives === 'null' ? 'on' : 'off';
  if (profile.icount) return [...COUNTING, '-icount', `shift=0,sleep=${sleep}`];
  // Interrupt remapping needs the I/O APIC outside of KVM.
  return machineOptions(accel, profile.iommu === 'intel' ? { 'kernel-irqchip': 'split' } : {});
}

const size = ({ profile }: GuestRequest) => [
  ...['-smp', String(profile.icount ? 1 : profile.vcpus), '-m', `${profile.memoryMiB}M`],
];

/** Kernel arguments of every guest, then the profile's, then the request's: the last one wins. */
export function kernelArguments(request: GuestRequest): string[] {
  const { profile, kernelArgs = [] } = request;
  return [
    ...['console=ttyS0', 'root=/dev/vda', 'rootfstype=erofs', 'ro', 'init=/init'],
    // -1: at once; QEMU then ends.
    'panic=-1',
    // Guests have none of these until somebody asks for one (loop: /dev/loop-control); making them takes time.
    ...['8250.nr_uarts=1', 'pty.legacy_count=0', 'max_loop=0'],
    // An emulated CPU stalls with its host. Linux takes that for a bad TSC and falls back to a clock that wraps every few
    // seconds: a debug kernel, slow as it is, then lost its timers for good (6.12, QEMU 7.2).
    ...(emulated(request) ? ['tsc=reliable'] : []),
    ...profile.kernelArgs,
    ...kernelArgs,
  ];
}

/**
 * vmlinux rather than bzImage: through the PVH entry nothing has to be unpacked by an emulated CPU. Strict: the firmware does not
 * look for something to boot on the drives. (One that only loads kernels, qboot, saves 0.15 s more, but some guest in 20 to 200
 * lost the first interrupt of its root drive.)
 */
const kernel = (request: GuestRequest) => [
  ...['-boot', 'strict=on', '-kernel', request.kernel.vmlinux, '-append', kernelArguments(request).join(' ')],
];

/** The console is QEMU's standard output: nothing is lost from the first byte on, and its end is QEMU's end. */
const console = () => ['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'];

/** QEMU connects to sockets on which the lab listens already, so that there is nothing to wait for. */
function control(paths: BootPaths): string[] {
  return [
    ...['-chardev', option('socket', { id: 'qmp', path: paths.qmp }), '-mon', 'chardev=qmp,mode=control'],
    // Memory writes from outside, for surprise removal (hotplug.ts).
    ...['-qtest', `unix:${quoted(paths.qtest)}`, '-qtest-log', 'none'],
  ];
}

/** Without an entropy source sshd waits for the kernel's random pool. */
const entropy = () => device('virtio-rng-pci');

function disks({ image }: GuestRequest, paths: BootPaths): string[] {
  const readOnly = { readonly: 'on' };
  return [
    ...rawDrive('root', image.path, readOnly),
    ...device('virtio-blk-pci', { drive: 'root' }),
    ...rawDrive('seed', paths.seed, readOnly),
    ...device('virtio-blk-pci', { drive: 'seed', serial: SEED_SERIAL }),
  ];
}

/** No route outwards; SSH on a port of the loopback that the host's kernel picks. */
const network = () => [
  ...['-netdev', 'user,id=net,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-:22'],
  ...device('virtio-net-pci', { netdev: 'net', romfile: '' }),
];

/**
 * virtio devices bypass the IOMMU: it is there for NVMe. No caching mode: with it Linux allows no lazy unmapping, as no real
 * hardware has it.
 */
function iommu({ profile }: GuestRequest): string[] {
  if (profile.iommu === 'intel') return device('intel-iommu', { intremap: 'on' });
  return profile.iommu === 'virtio' ? device('virtio-iommu-pci') : [];
}

/** A port for each controller that can be unplugged. */
function hotplugPorts(layout: Layout): string[] {
  const ports = layout.controllers.flatMap(({ port }) => port ?? []);
  return ports.flatMap(({ id, device: number }, index) => {
    const [addr, slot] = [`0x${number.toString(16)}`, index + 1];
    return device('pcie-root-port', { id, bus: 'pcie.0', addr, chassis: slot, slot });
  });
}

/** What `-device nvme` and QMP's `device_add` take for a controller. */
export function controllerFields(place: ControllerPlace): Record<string, string | number | undefined> {
  return {
    id: place.id,
    serial: place.serial,
    subsys: place.subsystem,
    bus: place.port?.id,
    mdts: place.mdts,
    max_ioqpairs: place.ioQueuePairs,
  };
}

/** Longer than an emulated CPU takes to submit 16 requests of 256 KiB, so that none completes meanwhile. */
const NULL_LATENCY_NS = 25_000_000;

function backing(place: NamespacePlace, paths: BootPaths, { drives }: GuestProfile): string[] {
  if (drives === 'file')
    return rawDrive(place.drive, paths.drive(place.drive), { cache: 'writeback', discard: 'unmap' });
  const empty = {
    ...{ id: place.drive, driver: 'null-co', size: place.driveBytes },
    ...{ 'read-zeroes': 'on', 'latency-ns': NULL_LATENCY_NS },
  };
  return ['-drive', option('if=none', empty)];
}

function namespace(place: NamespacePlace, paths: BootPaths, profile: GuestProfile): string[] {
  const { spec } = place;
  const zoneSize = spec.zoned && `${spec.zoned.zoneSizeMiB}M`;
  return [
    ...backing(place, paths, profile),
    ...device('nvme-ns', {
      drive: place.drive,
      bus: place.controller,
      nsid: place.nsid,
      shared: place.shared ? 'on' : 'off',
      logical_block_size: spec.blockSize,
      physical_block_size: spec.blockSize,
      ms: spec.metadata?.bytes,
      pi: spec.metadata?.pi,
      zoned: spec.zoned && 'on',
      'zoned.zone_size': zoneSize,
      'zoned.max_open': spec.zoned?.maxOpen,
    }),
  ];
}

function nvme(layout: Layout, paths: BootPaths, profile: GuestProfile): string[] {
  return [
    ...layout.subsystems.flatMap((id) => device('nvme-subsys', { id })),
    ...layout.controllers.flatMap((place) => device('nvme', controllerFields(place))),
    ...layout.namespaces.flatMap((place) => namespace(place, paths, profile)),
  ];
}

/**
 * The whole command line of a guest, program first. Pure: `--dry-run` prints the same that a boot runs, but for the folder of
 * the sockets.
 */
export function qemuCommand(request: GuestRequest, paths: BootPaths = bootPaths(request.dir)): string[] {
  const layout = layOut(request.profile);
  return [
    QEMU,
    ...basics(request),
    ...machine(request),
    ...size(request),
    ...kernel(request),
    ...console(),
    ...control(paths),
    ...iommu(request),
    ...entropy(),
    ...disks(request, paths),
    ...network(),
    ...hotplugPorts(layout),
    ...nvme(layout, paths, request.profile),
    ...request.profile.qemuArgs,
    ...(request.qemuArgs ?? []),
  ];
}
