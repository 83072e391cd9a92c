import { readFileSync, writeFileSync } from 'node:fs';
import { type Controller, Device, detached, File, ioctlCommand, type Test, TestRing } from '../lib/index.ts';
import { allPaths } from './paths.ts';
import { type Bench, READ_WRITE } from './setup.ts';

const FORMAT_NVM = 0x80;
/** Format NVM, cdw10: QEMU's LBA formats of 512 bytes, without metadata, and with 8 bytes and protection type 1. */
const WITHOUT_METADATA = 0;
const WITH_PI = 1 | (1 << 5);

const sectors = (disk: string) => readFileSync(`/sys/class/block/${disk}/size`, 'utf8').trim();

function rescan({ name }: Controller): void {
  writeFileSync(`/sys/class/nvme/${name}/rescan_controller`, '1');
}

const NS_ATTACHMENT = 0x15;
/** No such selection: the device refuses, and nothing is attached or detached. */
const NO_SELECTION = 0xf;

/**
 * Has a controller scanned anew and waits for the scan's end. The kernel does that after every synchronous command that may
 * change the namespaces, also a refused one (nvme_passthru_end), and a scan that was under way is over then as well.
 */
function scanned(t: Test, controller: Controller): void {
  using admin = new File(controller.path, READ_WRITE);
  const command = { opcode: NS_ATTACHMENT, nsid: 1, cdw10: NO_SELECTION };
  const { status } = ioctlCommand(t.uapi, admin, command, 'NVME_IOCTL_ADMIN64_CMD');
  t.ok(status !== 0, 'an attachment of no kind is refused');
}

/** Formats, and lets the kernel know of the new size on one path only. */
async function format(t: Test, device: Device, paths: readonly Controller[], cdw10: number): Promise<void> {
  const [through] = paths;
  if (!through) throw new Error('no path to format through');
  // A scan that has read the old size already would put it back later.
  for (const path of paths) scanned(t, path);
  using admin = new File(through.path, READ_WRITE);
  using ring = new TestRing(t.uapi);
  const before = sectors(device.name);
  const command = { opcode: FORMAT_NVM, nsid: device.nsid, cdw10 };
  const { res } = await ring.execute({ fd: admin.fd, cmdOp: 'NVME_URING_CMD_ADMIN', command });
  t.equal(res, 0, 'Format NVM');
  scanned(t, through);
  t.ok(sectors(device.name) !== before, 'the head has the new size');
}

/** Back to the format that the guest was started with, on both paths. */
async function unformat(t: Test, info: Device['info']): Promise<void> {
  const device = new Device(info);
  const [first, second] = await allPaths(t, device);
  await format(t, device, [first, second], WITH_PI);
  scanned(t, second);
  t.equal(
    sectors(device.pathName(second)),
    sectors(device.name),
    'both paths have the size that they began with',
  );
}

/** A namespace of which only the first path is in use; without that, no path can be used, though the second is alive. */
export interface Stranded {
  /** Takes the first path away, in good order. */
  detachFirst(): void;
  /** Pulls the first path's controller out. */
  pullFirst(): Promise<void>;
  /** Makes the second path usable. */
  release(): void;
  /** Takes the second path away too. */
  giveUp(): void;
}

/**
 * Keeps the second path out of use for as long as a test needs, which a reset would be too short for. Formatting changes the size
 * of the namespace, and one path is told. The kernel does not use the other until it has been rescanned
 * (nvme_mpath_revalidate_paths), though its controller lives. The bench is closed and all put back at the test's end.
 */
export async function strandSecond(t: Test, { device, char, ring, paths }: Bench): Promise<Stranded> {
  const [first, second] = paths;
  const { host } = t.lab;
  const comeBacks: (() => unknown)[] = [];
  let released = false;
  const detach = (path: Controller) => {
    comeBacks.push(detached(path).comeBack);
  };
  t.defer(async () => {
    // An open file would keep the old head, and its number with it.
    ring.close();
    char.close();
    for (const comeBack of comeBacks) await comeBack();
    if (second.state() === 'live' && !released) rescan(second);
    await unformat(t, device.info);
  });
  await format(t, device, paths, WITHOUT_METADATA);
  t.ok(sectors(device.pathName(second)) !== sectors(device.name), 'the second path has the new size too');
  return {
    detachFirst: () => detach(first),
    pullFirst: async () => {
      if (!host.available) t.skip('needs the host to pull a controller out, and there is no host channel');
      await host.unplug(first.id, { abrupt: true });
      comeBacks.push(() => host.replug(first.id));
    },
    release: () => {
      released = true;
      rescan(second);
    },
    giveUp: () => detach(second),
  };
}

/** As `strandSecond`, with the first path gone: commands have to wait from now on. */
export async function holdPaths(t: Test, bench: Bench): Promise<Stranded> {
  const stranded = await strandSecond(t, bench);
  stranded.detachFirst();
  return stranded;
}
