import type { GuestProfile } from '../model/guest.ts';
import type { BootPaths } from './boot-paths.ts';
import type { ControllerPlace, Layout, NamespacePlace } from './layout.ts';
import { device, option, rawDrive } from './option.ts';

/** `-device` arguments of a root port for each controller that can be unplugged. */
export function hotplugPorts(layout: Layout): string[] {
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

/** The arguments of a profile's NVMe hardware: subsystems before controllers before namespaces, as each refers to the one before. */
export function nvme(layout: Layout, paths: BootPaths, profile: GuestProfile): string[] {
  return [
    ...layout.subsystems.flatMap((id) => device('nvme-subsys', { id })),
    ...layout.controllers.flatMap((place) => device('nvme', controllerFields(place))),
    ...layout.namespaces.flatMap((place) => namespace(place, paths, profile)),
  ];
}
