import { readFileSync, writeFileSync } from 'node:fs';
import { type Controller, Device, File, type Test, TestRing } from '../lib/index.ts';
import { allPaths, detach, until } from './paths.ts';
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

/** Back to the format that the guest was started with, on both paths. */
async function unformat(t: Test, role: Device['role']): Promise<void> {
  const device = new Device(role);
  const [first, second] = await allPaths(t, device);
  await format(t, device, first, WITH_PI);
  rescan(second);
  await until('one size', () => sectors(device.pathName(second)) === sectors(device.name));
}

/** A namespace that no path can be used for now, though one is alive. */
export interface Hold {
  /** Makes the path that is left usable. */
  release(): void;
  /** Takes the path that is left away: there is none at all then. */
  giveUp(): void;
}

/**
 * Holds a namespace in the state in which commands have to wait, for as long as a test needs, which a reset would be too
 * short for. Formatting changes the size of the namespace, and one path is told. The kernel keeps the other out of use until it has
 * been rescanned (nvme_mpath_revalidate_paths), though its controller lives; then the first path goes.
 * The bench is closed and everything put back at the test's end.
 */
export async function holdPaths(t: Test, { device, char, ring, paths }: Bench): Promise<Hold> {
  const [first, second] = paths;
  let gone: ReturnType<typeof detach> | undefined;
  let away: ReturnType<typeof detach> | undefined;
  t.defer(async () => {
    // An open file would keep the old head, and its number with it.
    ring.close();
    char.close();
    gone?.comeBack();
    if (!gone) rescan(second);
    away?.comeBack();
    await unformat(t, device.role);
  });
  await format(t, device, first, WITHOUT_METADATA);
  t.ok(sectors(device.pathName(second)) !== sectors(device.name), 'the second path has the new size too');
  away = detach(t, first);
  return {
    release: () => rescan(second),
    giveUp: () => {
      gone = detach(t, second);
    },
  };
}
