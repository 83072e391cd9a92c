import { readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamespaceInfo } from '../../lab/model/protocol.ts';
import { SkipError } from './uapi.ts';

const NVME = '/sys/class/nvme';

function attribute(...path: string[]): string {
  try {
    return readFileSync(join(...path), 'utf8').trim();
  } catch {
    return '';
  }
}

function entries(path: string, pattern: RegExp): string[] {
  try {
    return readdirSync(path)
      .filter((name) => pattern.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** A controller as the kernel knows it now; a replugged one is a new controller with the old id. */
export class Controller {
  /** `nvme0` */
  readonly name: string;
  /** As the cell file names it (`serial` or `serial@port`): what `host.unplug` takes. */
  readonly id: string;

  constructor(name: string, id: string) {
    this.name = name;
    this.id = id;
  }

  /** Admin character device. */
  get path(): string {
    return `/dev/${this.name}`;
  }

  /** `live`, `resetting`, `connecting`, `deleting`...; empty when it is gone. */
  state(): string {
    return attribute(NVME, this.name, 'state');
  }

  /** Starts a reset and returns when the kernel has done it: it blocks, so use `node:fs/promises` on `resetFile` to go on meanwhile. */
  reset(): void {
    writeFileSync(this.resetFile, '1');
  }

  get resetFile(): string {
    return join(NVME, this.name, 'reset_controller');
  }
}

function realDevice(name: string): string {
  try {
    return realpathSync(join(NVME, name, 'device'));
  } catch {
    return '';
  }
}

/** Is controller `name` the one that the cell file calls `id`? Serial number and, behind `@`, its PCI port tell. */
function isCalled(name: string, id: string): boolean {
  const [serial, port] = id.split('@');
  if (attribute(NVME, name, 'serial') !== serial) return false;
  return port === undefined || realDevice(name).includes(`/0000:${port}/`);
}

/** The controllers of these ids that are there now, in the order of the ids. */
export function controllers(ids: readonly string[]): Controller[] {
  const names = entries(NVME, /^nvme\d+$/);
  return ids.flatMap((id) =>
    names.filter((name) => isCalled(name, id)).map((name) => new Controller(name, id)),
  );
}

/** A namespace found by its role. Everything that can change by unplugging is looked up at each use. */
export class Device {
  readonly info: NamespaceInfo;
  /** Name of the block device that users open: `nvme0n1`, the head one under multipath. */
  readonly name: string;

  constructor(info: NamespaceInfo) {
    this.info = info;
    this.name = headName(info);
  }

  get nsid(): number {
    return this.info.nsid;
  }

  get blockSize(): number {
    return this.info.blockSize;
  }

  /** Capacity in blocks. */
  get blocks(): number {
    return Math.floor(this.info.sizeBytes / this.info.blockSize);
  }

  get block(): string {
    return `/dev/${this.name}`;
  }

  /** Generic character device, `/dev/ng0n1`. */
  get char(): string {
    return `/dev/${this.name.replace('nvme', 'ng')}`;
  }

  /** Its controllers that are there now. */
  get controllers(): Controller[] {
    return controllers(this.info.controllerIds);
  }

  /** Name of the disk through which one controller reaches it: `nvme0c1n1` under multipath, else the same as `name`. */
  pathName(controller: Controller): string {
    const own = entries(join(NVME, controller.name), /^nvme\d+(c\d+)?n\d+$/);
    const found = own.find((name) => attribute(NVME, controller.name, name, 'nsid') === String(this.nsid));
    return found ?? this.name;
  }
}

function headName({ role, controllerIds, nsid }: NamespaceInfo): string {
  const [first] = controllers(controllerIds);
  if (!first) throw new SkipError(`no controller with serial ${controllerIds.join(' or ')} (role ${role})`);
  const own = entries(join(NVME, first.name), /^nvme\d+(c\d+)?n\d+$/);
  const path = own.find((name) => attribute(NVME, first.name, name, 'nsid') === String(nsid));
  // Under multipath the kernel names a path nvme<subsystem>c<controller>n<head> and hides it behind nvme<subsystem>n<head>.
  if (path) return path.replace(/c\d+/, '');
  throw new SkipError(`controller ${first.name} has no namespace ${nsid} (role ${role})`);
}
