import { readFileSync, writeFileSync } from 'node:fs';
import { type Controller, Device, File, type Test, TestRing } from '../lib/index.ts';
import { allPaths, detached, until } from './paths.ts';
import { type Bench, READ_WRITE } from './setup.ts';

const FORMAT_NVM = 0x80;
/** Format NVM, cdw10: QEMU's LBA formats of 512 bytes, without metadata, and with 8 bytes and protection type 1. */
const WITHOUT_METADATA = 0;
const WITH_PI = 1 | (1 << 5);

const sectors = (disk: string) => readFileSync(`/sys/class/block/${disk}/size`, 'utf8').trim();

function rescan({ name }: Controller): void {
  writeFileSync(`/sys/class/nvme/${name}/rescan_controller`, '1');
}

/** Formats, and lets the kernel know of the new size on one path only. */
async function format(t: Test, device: Device, through: Controller, cdw10: number): Promise<void> {
  using admin = new File(through.path, READ_WRITE);
  using ring = new TestRing(t.uapi);
  const before = sectors(device.name);
  const command = { opcode: FORMAT_NVM, nsid: device.nsid, cdw10 };
  const { res } = await ring.execute({ fd: admin.fd, cmdOp: 'NVME_URING_CMD_ADMIN', command });
  t.equal(res, 0, 'Format NVM');
  rescan(through);
  await until('the new size', () => sectors(device.name) !== before);
}

/**
 * A path that has read the size anew has the one that the head has. Asked for again until it is so: a scan of another path that
 * was under way may have put the size back that it had read before.
 */
async function rescanned(device: Device, path: Controller): Promise<void> {
  await until('one size', () => {
    if (sectors(device.pathName(path)) === sectors(device.name)) return true;
    rescan(path);
    return false;
  });
}

/** Back to the format that the guest was started with, on both paths. */
async function unformat(t: Test, role: Device['role']): Promise<void> {
  const device = new Device(role);
  const [first, second] = await allPaths(t, device);
  // A scan under way would put the size back that it has read before.
  await rescanned(device, second);
  await format(t, device, first, WITH_PI);
  rescan(second);
  for (const path of [second, first]) await rescanned(device, path);
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
  const { help } = t.lab;
  const comeBacks: (() => unknown)[] = [];
  const detach = (path: Controller) => {
    comeBacks.push(detached(path).comeBack);
  };
  t.defer(async () => {
    // An open file would keep the old head, and its number with it.
    ring.close();
    char.close();
    for (const comeBack of comeBacks) await comeBack();
    if (second.state() === 'live') rescan(second);
    await unformat(t, device.role);
  });
  await format(t, device, first, WITHOUT_METADATA);
  t.ok(sectors(device.pathName(second)) !== sectors(device.name), 'the second path has the new size too');
  return {
    detachFirst: () => detach(first),
    pullFirst: async () => {
      if (!help.available) t.skip('needs the host to pull a controller out, and there is no help channel');
      await help.unplug(first.id, { abrupt: true });
      comeBacks.push(() => help.replug(first.id));
    },
    release: () => rescan(second),
    giveUp: () => detach(second),
  };
}

/** As `strandSecond`, with the first path gone: commands have to wait from now on. */
export async function holdPaths(t: Test, bench: Bench): Promise<Stranded> {
  const stranded = await strandSecond(t, bench);
  stranded.detachFirst();
  return stranded;
}
