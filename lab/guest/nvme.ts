import type { GuestProfile } from '../model/guest.ts';
import type { BootPaths } from './boot-paths.ts';
import type { ControllerPlace, Layout, NamespacePlace } from './layout.ts';
import { device, type Fields, option, rawDrive } from './option.ts';

const MIB = 1 << 20;

/** `-device` arguments of the root ports: those of controllers that can be unplugged, and in a fork those of all. */
export function rootPorts(layout: Layout): string[] {
  return layout.ports.flatMap(({ id, device: number }, index) => {
    const [addr, slot] = [`0x${number.toString(16)}`, index + 1];
    return device('pcie-root-port', { id, bus: 'pcie.0', addr, chassis: slot, slot });
  });
}

/** What `-device nvme` and QMP's `device_add` take for a controller. */
export function controllerFields(place: ControllerPlace): Fields {
  return {
    id: place.id,
    serial: place.serial,
    subsys: place.subsystem,
    bus: place.bus,
    mdts: place.mdts,
    max_ioqpairs: place.ioQueuePairs,
  };
}

/** Longer than an emulated CPU takes to submit 16 requests of 256 KiB, so that none completes meanwhile. */
const NULL_LATENCY_NS = 25_000_000;

/** The drive behind a namespace: a file, or QEMU's null driver. */
function backing(place: NamespacePlace, paths: BootPaths, { drives }: GuestProfile): string[] {
  if (drives === 'file')
    return rawDrive(place.drive, paths.drive(place.drive), { cache: 'writeback', discard: 'unmap' });
  const empty = {
    ...{ id: place.drive, driver: 'null-co', size: place.driveBytes },
    ...{ 'read-zeroes': 'on', 'latency-ns': NULL_LATENCY_NS },
  };
  return ['-drive', option('if=none', empty)];
}

/** What `-device nvme-ns` and QMP's `device_add` take for a namespace. */
export function namespaceFields({ spec, ...place }: NamespacePlace): Fields {
  return {
    drive: place.drive,
    bus: place.controller,
    nsid: place.nsid,
    shared: place.shared,
    logical_block_size: spec.blockSize,
    physical_block_size: spec.blockSize,
    ms: spec.metadata?.bytes,
    pi: spec.metadata?.pi,
    zoned: spec.zoned && true,
    'zoned.zone_size': spec.zoned && spec.zoned.zoneSizeMiB * MIB,
    'zoned.max_open': spec.zoned?.maxOpen,
  };
}

/** The arguments for what NVMe hardware consists of besides devices that can be plugged in: subsystems and drives. */
export const nvmeBackends = (layout: Layout, paths: BootPaths, profile: GuestProfile): string[] => [
  ...layout.subsystems.flatMap((id) => device('nvme-subsys', { id })),
  ...layout.namespaces.flatMap((place) => backing(place, paths, profile)),
];

/** The arguments of the devices, controllers before namespaces, as these refer to them. */
export const nvmeDevices = (layout: Layout): string[] => [
  ...layout.controllers.flatMap((place) => device('nvme', controllerFields(place))),
  ...layout.namespaces.flatMap((place) => device('nvme-ns', namespaceFields(place))),
];
