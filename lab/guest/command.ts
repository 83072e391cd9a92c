import { type Arch, hostArch } from '../model/arch.ts';
import type { Accel, GuestRequest } from '../model/machine.ts';
import { type BootPaths, bootPaths } from './boot-paths.ts';
import { type Layout, layOut } from './layout.ts';
import { nvmeBackends, nvmeDevices, rootPorts } from './nvme.ts';
import { device, escapeCommas, option, rawDrive } from './option.ts';

/**
 * How a guest comes to be. `boot`: its kernel starts. `template`: the same without NVMe, and with its memory in the file `ram`. `fork`: it
 * continues a template, with a private copy of that file; its NVMe devices are plugged in before it runs (fork/wake.ts).
 */
export type Start = { kind: 'boot' } | { kind: 'template' | 'fork'; ram: string; layout: Layout };

const BOOT: Start = { kind: 'boot' };

/** Serial number by which init (images/minimal/init) finds the drive with this boot's keys. */
const SEED_SERIAL = 'ringlab-seed';

/**
 * QEMU's own system call filter. `spawn`: no fork or exec; `elevateprivileges`: no setuid; `resourcecontrol`: no scheduling and
 * priorities, which QEMU only changes for options that no guest has. All four work with KVM too: vCPUs are threads.
 */
export const SECCOMP: readonly string[] = [
  '-sandbox',
  'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
];

/**
 * Nothing that QEMU would add by default. A reboot ends the guest, so that one that panics does not boot in a loop. QEMU stops then and
 * waits for the lab to end it, which has read why by then (`qemuEnd`).
 */
const basics = (request: GuestRequest, { qemu }: Arch) => [
  ...qemu.globals.flatMap((global) => ['-global', global]),
  ...['-name', escapeCommas(request.name), '-nodefaults', '-no-user-config'],
  ...['-display', 'none', '-no-reboot', '-no-shutdown', ...SECCOMP],
];

const machineType = ({ qemu }: Arch, fields: Readonly<Record<string, string>> = {}) => [
  ...['-machine', option(qemu.machine, { ...fields, ...qemu.machineOptions })],
];

/** Machine, accelerator and CPU of guests; the probes use the same. `fields`: further properties of the machine. */
export const machineOptions = (arch: Arch, accel: Accel, fields?: Readonly<Record<string, string>>) => [
  ...machineType(arch, fields),
  ...(accel === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg,thread=multi,tb-size=256', '-cpu', arch.qemu.emulatedCpu]),
];

/** Only TCG counts instructions, and only on one vCPU. */
const countingMachine = (arch: Arch, fields: Readonly<Record<string, string>>) => [
  ...machineType(arch, fields),
  ...['-accel', 'tcg,tb-size=256', '-cpu', arch.qemu.emulatedCpu],
];

const isEmulated = ({ profile, accel }: GuestRequest) => profile.icount || accel === 'tcg';

function machine({ profile, accel }: GuestRequest, arch: Arch, start: Start): string[] {
  const memory: Readonly<Record<string, string>> = start.kind === 'boot' ? {} : { 'memory-backend': 'ram' };
  // A null drive completes by the host's clock: meanwhile the guest's clock has to run instead of jumping from timer to timer.
  // A fork has few timers: while the host computes a key for its login, jumps from one to the next would pass sshd's five minutes.
  const sleep = profile.drives === 'null' || start.kind !== 'boot' ? 'on' : 'off';
  if (profile.icount) return [...countingMachine(arch, memory), '-icount', `shift=0,sleep=${sleep}`];
  const iommu = profile.iommu === 'intel' ? arch.qemu.iommu.machineOptions : {};
  return machineOptions(arch, accel, { ...iommu, ...memory });
}

const size = ({ profile }: GuestRequest) => [
  ...['-smp', String(profile.icount ? 1 : profile.vcpus), '-m', `${profile.memoryMiB}M`],
];

/** Memory in a file, which a template shares with it and a fork does not. */
function memory({ profile }: GuestRequest, start: Start): string[] {
  if (start.kind === 'boot') return [];
  const [id, share] = ['ram', start.kind === 'template'];
  const fields = { id, size: `${profile.memoryMiB}M`, 'mem-path': start.ram, share };
  return ['-object', option('memory-backend-file', fields)];
}

/** Kernel arguments of every guest, then those of the profile, then those of the request: of two that conflict the later one counts. */
export function kernelArguments(request: GuestRequest, arch: Arch = hostArch()): string[] {
  const { profile, kernelArgs = [] } = request;
  return [
    ...[`console=${arch.console.device}`, 'root=/dev/vda', 'rootfstype=erofs', 'ro', 'init=/init'],
    // Negative: reboot at once, which ends QEMU.
    'panic=-1',
    // Devices that no guest uses until a test asks for one (loop: /dev/loop-control): creating them takes time.
    ...[...arch.console.kernelArgs, 'pty.legacy_count=0', 'max_loop=0'],
    ...(isEmulated(request) ? arch.emulatedKernelArgs : []),
    // A guest that counts instructions has a virtual clock, 1 GHz.
    ...(isEmulated(request) && !profile.icount ? (request.clockArgs ?? []) : []),
    // Its clock jumps ahead while it waits for the host's disk: a minute passes at once, and the waiting task would count as hung.
    ...(profile.icount ? ['sysctl.kernel.hung_task_timeout_secs=0'] : []),
    ...profile.kernelArgs,
    ...kernelArgs,
  ];
}

/**
 * The uncompressed kernel: QEMU loads it directly, and an emulated CPU has nothing to decompress. Strict: the firmware does not
 * look for something to boot on the drives. (qboot, a firmware that only loads kernels, saves 0.15 s more, but one guest in 20 to
 * 200 lost the first interrupt of its root drive with it.)
 */
const kernel = (request: GuestRequest, arch: Arch) => [
  ...['-boot', 'strict=on', '-kernel', request.kernel.vmlinux],
  ...['-append', kernelArguments(request, arch).join(' ')],
];

/** The console is QEMU's standard output: it is complete from the first byte, and ends when QEMU ends. */
const console = () => ['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'];

/** QEMU connects to sockets on which the lab listens already, so that nothing has to wait for a socket to appear. */
function control(paths: BootPaths): string[] {
  return [
    ...['-chardev', option('socket', { id: 'qmp', path: paths.qmp }), '-mon', 'chardev=qmp,mode=control'],
    // Access to guest memory, for surprise removal (hotplug.ts).
    ...['-qtest', `unix:${escapeCommas(paths.qtest)}`, '-qtest-log', 'none'],
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

/** No route to the outside; SSH on a port of the host's loopback that the host's kernel picks. */
const network = () => [
  ...['-netdev', 'user,id=net,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-:22'],
  ...device('virtio-net-pci', { netdev: 'net', romfile: '' }),
];

/**
 * Only NVMe is behind the IOMMU: virtio devices bypass it. No caching mode, which real hardware does not have: with it Linux does
 * not unmap lazily.
 */
function iommu({ profile }: GuestRequest, { qemu }: Arch): string[] {
  if (profile.iommu === 'intel') return device(qemu.iommu.device, qemu.iommu.fields);
  return profile.iommu === 'virtio' ? device('virtio-iommu-pci') : [];
}

/** A layout whose ports are called by their order: all profiles with as many have the same template. */
const withoutNames = ({ ports, ...layout }: Layout): Layout => ({
  ...layout,
  ports: ports.map(({ device }, index) => ({ id: `port-${index}`, device })),
});

/** The NVMe hardware as far as it is on the command line. */
function nvme({ profile }: GuestRequest, paths: BootPaths, start: Start): string[] {
  if (start.kind === 'template') return rootPorts(withoutNames(start.layout));
  const layout = start.kind === 'fork' ? start.layout : layOut(profile);
  const backends = nvmeBackends(layout, paths, profile);
  return [...rootPorts(layout), ...backends, ...(start.kind === 'fork' ? [] : nvmeDevices(layout))];
}

/**
 * The whole command line of a guest, program first. Pure: `--dry-run` prints what a boot runs, except for the folder of the
 * sockets. Throws LabError on a machine of an architecture without a row in lab/model/arch.ts.
 */
export function qemuCommand(
  request: GuestRequest,
  paths: BootPaths = bootPaths(request.dir),
  arch: Arch = hostArch(),
  start: Start = BOOT,
): string[] {
  return [
    arch.qemu.system,
    ...basics(request, arch),
    ...machine(request, arch, start),
    ...size(request),
    ...memory(request, start),
    ...kernel(request, arch),
    ...console(),
    ...control(paths),
    ...iommu(request, arch),
    ...entropy(),
    ...disks(request, paths),
    ...network(),
    ...nvme(request, paths, start),
    // Waits for the state of its template, which the lab has it read once it may ignore the memory.
    ...(start.kind === 'fork' ? ['-incoming', 'defer'] : []),
    ...request.profile.qemuArgs,
    ...(request.qemuArgs ?? []),
  ];
}
