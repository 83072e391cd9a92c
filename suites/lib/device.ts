import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamespaceInfo } from '../../lab/model/protocol.ts';
import { SkipError } from './uapi.ts';

const NVME = '/sys/class/nvme';

/** A sysfs attribute without its line break; empty where it does not exist. */
function attribute(...path: string[]): string {
  try {
    return readFileSync(join(...path), 'utf8').trim();
  } catch {
    return '';
  }
}

/** Names in a folder that match, sorted; none where it does not exist. */
function entries(path: string, pattern: RegExp): string[] {
  try {
    return readdirSync(path)
      .filter((name) => pattern.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** An NVMe controller under the name that the kernel gives it now. Replugging it makes a new controller with the same `id`. */
export class Controller {
  /** `nvme0` */
  readonly name: string;
  /** Its name in `cell.json` (`serial` or `serial@port`), which `host.unplug` takes. */
  readonly id: string;

  constructor(name: string, id: string) {
    this.name = name;
    this.id = id;
  }

  /** Admin character device. */
  get path(): string {
    return `/dev/${this.name}`;
  }

  /** Sysfs name of the PCI function: `0000:01:00.0`; empty when the controller is gone. */
  get address(): string {
    return attribute(NVME, this.name, 'address');
  }

  /** `live`, `resetting`, `connecting`, `deleting`...; empty when the controller is gone. */
  state(): string {
    return attribute(NVME, this.name, 'state');
  }

  /** Resets the controller. Blocks until the kernel has finished; write `1` to `resetFile` asynchronously to reset in the background. */
  reset(): void {
    writeFileSync(this.resetFile, '1');
  }

  /** Sysfs attribute that starts a reset when `1` is written to it. */
  get resetFile(): string {
    return join(NVME, this.name, 'reset_controller');
  }
}

/** Sysfs path of the PCI function behind a controller; empty when it is gone. */
function realDevice(name: string): string {
  try {
    return realpathSync(join(NVME, name, 'device'));
  } catch {
    return '';
  }
}

/** Whether controller `name` has the serial number of `id` and sits at the PCI port behind its `@`, if there is one. */
function matchesId(name: string, id: string): boolean {
  const [serial, port] = id.split('@');
  if (attribute(NVME, name, 'serial') !== serial) return false;
  return port === undefined || realDevice(name).includes(`/0000:${port}/`);
}

/** The controllers with these ids that the kernel has now, in the order of the ids. */
export function controllers(ids: readonly string[]): Controller[] {
  const names = entries(NVME, /^nvme\d+$/);
  return ids.flatMap((id) =>
    names.filter((name) => matchesId(name, id)).map((name) => new Controller(name, id)),
  );
}

/**
 * A namespace of the guest, chosen by its role. Its controllers may come and go, so they are looked up at each use. The constructor
 * throws SkipError when the guest has no such controller or namespace.
 */
export class Device {
  readonly info: NamespaceInfo;
  /** Name of the block device that users open: `nvme0n1`; under multipath that of the head. */
  readonly name: string;

  constructor(info: NamespaceInfo) {
    this.info = info;
    this.name = headName(info);
  }

  /** Namespace identifier. */
  get nsid(): number {
    return this.info.nsid;
  }

  /** Bytes of a logical block, without metadata. */
  get blockSize(): number {
    return this.info.blockSize;
  }

  /** Bytes of metadata of a block, in a separate buffer; 0 without metadata. */
  get metadataBytes(): number {
    return this.info.metadataBytes;
  }

  /** Blocks that hold `bytes` bytes, 1 at least. */
  blocksOf(bytes: number): number {
    return Math.max(1, Math.ceil(bytes / this.blockSize));
  }

  /** `blocks`, or as many as one command may transfer if that is fewer. */
  atMost(blocks: number): number {
    const { maxTransferBytes } = this.info;
    return maxTransferBytes === 0 ? blocks : Math.min(blocks, Math.floor(maxTransferBytes / this.blockSize));
  }

  /** Capacity in blocks. */
  get blocks(): number {
    return Math.floor(this.info.sizeBytes / this.info.blockSize);
  }

  /** Path of the block device: `/dev/nvme0n1`. */
  get block(): string {
    return `/dev/${this.name}`;
  }

  /** Path of the generic character device: `/dev/ng0n1`. */
  get char(): string {
    return `/dev/${this.name.replace('nvme', 'ng')}`;
  }

  /** Those of its controllers that the kernel has now. */
  get controllers(): Controller[] {
    return controllers(this.info.controllerIds);
  }

  /** Name of its disk behind one controller: `nvme0c1n1` under multipath, else `name`. */
  pathName(controller: Controller): string {
    return diskOf(controller, this.nsid) ?? this.name;
  }
}

/** Name of the disk that a controller has for a namespace. */
function diskOf(controller: Controller, nsid: number): string | undefined {
  const disks = entries(join(NVME, controller.name), /^nvme\d+(c\d+)?n\d+$/);
  return disks.find((disk) => attribute(NVME, controller.name, disk, 'nsid') === String(nsid));
}

function headName({ role, controllerIds, nsid }: NamespaceInfo): string {
  const [first] = controllers(controllerIds);
  if (!first) throw new SkipError(`no controller with serial ${controllerIds.join(' or ')} (role ${role})`);
  const disk = diskOf(first, nsid);
  // Under multipath a path's disk is nvme<subsystem>c<controller>n<head>, hidden behind nvme<subsystem>n<head>
  // (drivers/nvme/host/core.c, nvme_alloc_ns()).
  if (disk) return disk.replace(/c\d+/, '');
  throw new SkipError(`controller ${first.name} has no namespace ${nsid} (role ${role})`);
}
