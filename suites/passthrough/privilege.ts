import { constants } from 'node:fs';
import {
  File,
  ioMemory,
  type NvmeCommand,
  nvme,
  openAs,
  startChild,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { allocateBlocks } from './setup.ts';

/** A user ID without privileges. */
const UNPRIVILEGED = 65534;

/** Log page identifier, NVMe Base 2.0 section 5.16.1.3. */
const SMART_HEALTH = 0x02;

/** CQE res of a command that an unprivileged child submits on a file that root opened. */
async function submitUnprivileged(
  t: Test,
  file: File,
  command: NvmeCommand,
  cmdOp = 'NVME_URING_CMD_IO',
): Promise<number> {
  const child = startChild(t, {
    commands: [{ fd: file.fd, command, cmdOp }],
    uid: UNPRIVILEGED,
    complete: true,
  });
  const [cqe] = await child.completions();
  await child.wait();
  return cqe?.res ?? 0;
}

/** Whether the kernel decides by file mode and effects log; older kernels require CAP_SYS_ADMIN for every command. */
const checksFileMode = (t: Test) =>
  t.since(
    '6.2',
    'nvme_cmd_allowed() checks file mode and effects log; before, every command required CAP_SYS_ADMIN',
  );

suite('unprivileged users', { devices: ['data'] }, () => {
  test('opening the NVMe devices as an unprivileged user fails with EACCES', (t) => {
    const device = t.device('data');
    for (const path of [device.char, device.controllers[0]?.path ?? ''])
      t.equal(openAs(UNPRIVILEGED, path, constants.O_RDWR)?.code, 'EACCES', `error of opening ${path}`);
    t.equal(openAs(0, device.char, constants.O_RDWR), undefined, `error of opening ${device.char} as root`);
  });

  test('an unprivileged process reads and writes an open file as its mode allows, else it gets EACCES', async (t) => {
    const device = t.device('data');
    const span = allocateBlocks(device, 1);
    const memory = ioMemory(t, device.blockSize);
    const readWrite = t.use(new File(device.char, constants.O_RDWR));
    const readOnly = t.use(new File(device.char, constants.O_RDONLY));
    const read = nvme.transfer('read', device, span, memory);
    const write = nvme.transfer('write', device, span, memory);
    const readRes = await submitUnprivileged(t, readOnly, read);
    const writeRes = await submitUnprivileged(t, readWrite, write);
    if (checksFileMode(t)) {
      const quantity = 'CQE res of a read on a read-only file and of a write on a read-write file';
      t.same([readRes, writeRes], [0, 0], quantity);
    } else {
      t.errno(readRes, 'EACCES', 'CQE res of a read on a read-only file');
      t.errno(writeRes, 'EACCES', 'CQE res of a write on a read-write file');
    }
    const refused = await submitUnprivileged(t, readOnly, write);
    t.errno(refused, 'EACCES', 'CQE res of a write on a read-only file');
  });

  test('vendor commands and most admin commands fail with EACCES without CAP_SYS_ADMIN', async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, constants.O_RDWR));
    const controller = t.use(new File(device.controllers[0]?.path ?? '', constants.O_RDWR));
    const memory = ioMemory(t, 4096);
    const vendor = await submitUnprivileged(t, char, { opcode: 0xc0, nsid: device.nsid });
    t.errno(vendor, 'EACCES', 'CQE res of a vendor opcode');
    const admin = (command: NvmeCommand) =>
      submitUnprivileged(t, controller, command, 'NVME_URING_CMD_ADMIN');
    const logPage = await admin(nvme.getLogPage(SMART_HEALTH, 0xffffffff, memory));
    t.errno(logPage, 'EACCES', 'CQE res of get log page');
    const list = await admin(nvme.identify(nvme.Cns.activeNamespaces, 0, memory));
    t.errno(list, 'EACCES', 'CQE res of identify active namespaces');
    const identify = await admin(nvme.identify(nvme.Cns.namespace, device.nsid, memory));
    if (checksFileMode(t)) t.equal(identify, 0, 'CQE res of identify namespace');
    else t.errno(identify, 'EACCES', 'CQE res of identify namespace');
  });
});
