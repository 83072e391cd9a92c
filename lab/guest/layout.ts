import type { GuestProfile } from '../model/guest.ts';
import type { NamespaceInfo } from '../model/protocol.ts';

const MIB = 1 << 20;
const PAGE = 4096;
/** Root ports of a template: as many guests' profiles have controllers, so that they have one template. */
const TEMPLATE_PORTS = 4;
/** PCI device numbers of root ports: above those that QEMU assigns. */
const FIRST_PORT = 0x10;
const LAST_PORT = 0x1e;

type Subsystem = GuestProfile['nvme'][number];

/** A pcie-root-port. */
interface Port {
  id: string;
  device: number;
}

/** A controller with its names in QEMU. */
export interface ControllerPlace {
  /** `mp@00:10.0`: its name in the host protocol. */
  name: string;
  id: string;
  serial: string;
  /** Its pcie-root-port, if it can be unplugged. */
  port?: Port;
  /** The port that it sits on, in a fork also one that it cannot be unplugged from; absent: QEMU chooses a place. */
  bus?: string;
  subsystem?: string;
  mdts: number;
  ioQueuePairs: number;
}

/** A namespace, the drive behind it and the controller that QEMU attaches it to. */
export interface NamespacePlace {
  drive: string;
  controller: string;
  nsid: number;
  /** Size of the drive's file in bytes, metadata included. */
  driveBytes: number;
  shared: boolean;
  spec: Subsystem['namespaces'][number];
  info: NamespaceInfo;
}

/** The NVMe hardware of a profile with its ids, ports and sizes: the same for every boot. */
export interface Layout {
  ports: Port[];
  subsystems: string[];
  controllers: ControllerPlace[];
  namespaces: NamespacePlace[];
}

/** A single controller without hot-plug has no subsystem, so that the kernel sees no multipath. */
const needsSubsystem = ({ controllers }: Subsystem) =>
  controllers.length > 1 || controllers.some((controller) => controller.hotplug);

const hex = (device: number) => device.toString(16).padStart(2, '0');

function placeControllers(subsystem: Subsystem, nextPort: () => number): ControllerPlace[] {
  return subsystem.controllers.map((controller, index) => {
    const id = `nvme-${subsystem.name}-${index}`;
    const device = controller.hotplug ? nextPort() : undefined;
    return {
      id,
      serial: controller.serial,
      name: device === undefined ? controller.serial : `${controller.serial}@00:${hex(device)}.0`,
      ...(device === undefined ? {} : { port: { id: `port-${id}`, device }, bus: `port-${id}` }),
      ...(needsSubsystem(subsystem) ? { subsystem: `subsys-${subsystem.name}` } : {}),
      mdts: controller.mdts,
      ioQueuePairs: controller.ioQueuePairs,
    };
  });
}

function placeNamespaces(subsystem: Subsystem, controllers: ControllerPlace[]): NamespacePlace[] {
  return subsystem.namespaces.map((spec, index) => {
    const paths = spec.shared ? controllers : controllers.slice(0, 1);
    const { bytes: metadataBytes, pi: piType } = spec.metadata ?? { bytes: 0, pi: 0 };
    const { role, blockSize, sizeMiB, shared } = spec;
    const mdts = Math.max(...paths.map((path) => path.mdts));
    const drive = `drive-${subsystem.name}-${role}`;
    const sizeBytes = sizeMiB * MIB;
    return {
      drive,
      controller: controllers[0]?.id ?? '',
      nsid: index + 1,
      driveBytes: sizeBytes + (sizeBytes / blockSize) * metadataBytes,
      shared,
      spec,
      info: {
        role,
        controllerIds: paths.map((path) => path.name),
        nsid: index + 1,
        blockSize,
        sizeBytes,
        metadataBytes,
        piType,
        zoned: spec.zoned !== undefined,
        maxTransferBytes: mdts === 0 ? 0 : PAGE << mdts,
        drive,
      },
    };
  });
}

/** Most hot-plug ports of a guest. */
export const MAX_PORTS = LAST_PORT - FIRST_PORT + 1;

/** The layout of a profile without `profileProblems`. */
export function layOut(profile: GuestProfile): Layout {
  let port = FIRST_PORT;
  const subsystems = profile.nvme.map((subsystem) => {
    const controllers = placeControllers(subsystem, () => port++);
    return { subsystem, controllers, namespaces: placeNamespaces(subsystem, controllers) };
  });
  const controllers = subsystems.flatMap((placed) => placed.controllers);
  return {
    ports: controllers.flatMap((placed) => placed.port ?? []),
    subsystems: subsystems
      .filter(({ subsystem }) => needsSubsystem(subsystem))
      .map(({ subsystem }) => `subsys-${subsystem.name}`),
    controllers,
    namespaces: subsystems.flatMap(({ namespaces }) => namespaces),
  };
}

/**
 * The layout of a fork: each controller on a root port, as it is plugged in only when the guest runs; where it could be unplugged before, at the
 * same address. Undefined for more controllers than there are ports.
 */
export function layOutFork(profile: GuestProfile): Layout | undefined {
  const layout = layOut(profile);
  if (layout.controllers.length > MAX_PORTS) return undefined;
  const spare = (index: number): Port => ({ id: `port-${index}`, device: FIRST_PORT + index });
  const ports = [...layout.ports];
  const controllers = layout.controllers.map((place) => {
    if (place.bus !== undefined) return place;
    const port = spare(ports.length);
    ports.push(port);
    return { ...place, bus: port.id };
  });
  while (ports.length < TEMPLATE_PORTS) ports.push(spare(ports.length));
  return { ...layout, ports, controllers };
}
