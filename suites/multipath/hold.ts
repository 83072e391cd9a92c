import { readFileSync, writeFileSync } from 'node:fs';
import { type Controller, Device, detached, File, ioctlCommand, type Test, TestRing } from '../lib/index.ts';
import { allPaths } from './paths.ts';
import { type Fixture, READ_WRITE } from './setup.ts';

/** Admin opcodes, NVMe Base 2.0 figure 138. */
const FORMAT_NVM = 0x80;
const NAMESPACE_ATTACHMENT = 0x15;
/**
 * Format NVM, cdw10: QEMU's LBA formats without metadata, and with 8 bytes of it and protection type 1. Those of 4096-byte blocks
 * follow the four of 512 bytes (hw/nvme/ns.c, nvme_ns_init).
 */
const withoutMetadata = ({ blockSize }: Device) => (blockSize === 4096 ? 4 : 0);
const withPi = (device: Device) => (withoutMetadata(device) + 1) | (1 << 5);
/** A reserved SEL value of Namespace Attachment: the device refuses the command and changes nothing. */
const RESERVED_SELECTION = 0xf;

/** Size of a disk in sectors, as sysfs has it. */
const sectors = (disk: string) => readFileSync(`/sys/class/block/${disk}/size`, 'utf8').trim();

function rescan({ name }: Controller): void {
  writeFileSync(`/sys/class/nvme/${name}/rescan_controller`, '1');
}

/**
 * Rescans the namespaces of a controller and waits until the scan is done, and any scan before it. The kernel does that after
 * each synchronous command that may change namespaces, even a refused one (nvme_passthru_end).
 */
function rescanAndWait(t: Test, controller: Controller): void {
  using admin = new File(controller.path, READ_WRITE);
  const command = { opcode: NAMESPACE_ATTACHMENT, nsid: 1, cdw10: RESERVED_SELECTION };
  const { status } = ioctlCommand(t.uapi, admin, command, 'NVME_IOCTL_ADMIN64_CMD');
  t.ok(status !== 0, `${controller.name} refuses a Namespace Attachment with a reserved selection`);
}

/** Formats the namespace through the first of `paths` and rescans that controller only: the others keep the old size. */
async function formatOnFirst(
  t: Test,
  device: Device,
  paths: readonly Controller[],
  cdw10: number,
): Promise<void> {
  const [first] = paths;
  if (!first) throw new Error('no path to format through');
  // A scan under way may have read the old size and would set it after the format.
  for (const path of paths) rescanAndWait(t, path);
  using admin = new File(first.path, READ_WRITE);
  using ring = new TestRing(t.uapi);
  const oldSize = sectors(device.name);
  const command = { opcode: FORMAT_NVM, nsid: device.nsid, cdw10 };
  const { res } = await ring.execute({ fd: admin.fd, cmdOp: 'NVME_URING_CMD_ADMIN', command });
  t.equal(res, 0, 'CQE res of Format NVM');
  rescanAndWait(t, first);
  t.ok(sectors(device.name) !== oldSize, `the head no longer has its old size of ${oldSize} sectors`);
}

/** Restores on both paths the format that the guest was started with. */
async function restoreFormat(t: Test, info: Device['info']): Promise<void> {
  const device = new Device(info);
  const [first, second] = await allPaths(t, device);
  await formatOnFirst(t, device, [first, second], withPi(device));
  rescanAndWait(t, second);
  t.equal(
    sectors(device.pathName(second)),
    sectors(device.name),
    'sectors of the second path, with the format of the head restored',
  );
}

/** Controls a namespace whose second path is unusable though its controller is live. Without the first path, none is usable. */
export interface StrandedPath {
  /** Unbinds the driver from the first path's controller. */
  detachFirst(): void;
  /** Unplugs the first path's controller without notice. Skips when there is no host channel. */
  unplugFirst(): Promise<void>;
  /** Makes the second path usable. */
  release(): void;
  /** Unbinds the driver from the second path's controller too, so that no path can return. */
  detachSecond(): void;
}

/**
 * Makes the second path unusable for as long as a test needs; a reset would be too short. Formatting changes the namespace's
 * size, and only the first path is rescanned: the kernel does not use a path whose size differs from the head's
 * (nvme_mpath_revalidate_paths). At the test's end the fixture's files are closed, and paths and format are restored.
 */
export async function strandSecond(t: Test, { device, char, ring, paths }: Fixture): Promise<StrandedPath> {
  const [first, second] = paths;
  const { host } = t.lab;
  const restorations: (() => unknown)[] = [];
  let released = false;
  const detach = (path: Controller) => {
    restorations.push(detached(path).comeBack);
  };
  t.defer(async () => {
    // An open file would keep the old head, and the new one would get another number.
    ring.close();
    char.close();
    for (const restore of restorations) await restore();
    if (second.state() === 'live' && !released) rescan(second);
    await restoreFormat(t, device.info);
  });
  await formatOnFirst(t, device, paths, withoutMetadata(device));
  t.ok(sectors(device.pathName(second)) !== sectors(device.name), 'the second path keeps the old size');
  return {
    detachFirst: () => detach(first),
    unplugFirst: async () => {
      if (!host.available) t.skip('needs the host to unplug a controller, and there is no host channel');
      await host.unplug(first.id, { abrupt: true });
      restorations.push(() => host.replug(first.id));
    },
    release: () => {
      released = true;
      rescan(second);
    },
    detachSecond: () => detach(second),
  };
}

/** As `strandSecond`, with the first path detached: commands wait from now on. */
export async function holdPaths(t: Test, fixture: Fixture): Promise<StrandedPath> {
  const stranded = await strandSecond(t, fixture);
  stranded.detachFirst();
  return stranded;
}
