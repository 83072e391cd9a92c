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
import { area } from './setup.ts';

const NOBODY = 65534;

/** What a command gives when an unprivileged child submits it on a file that root has opened. */
async function asNobody(
  t: Test,
  file: File,
  command: NvmeCommand,
  cmdOp = 'NVME_URING_CMD_IO',
): Promise<number> {
  const child = startChild(t, { commands: [{ fd: file.fd, command, cmdOp }], uid: NOBODY, complete: true });
  const [cqe] = await child.completions();
  await child.wait();
  return cqe?.res ?? 0;
}

/** What a command comes to on kernels that ask for CAP_SYS_ADMIN whatever it is. */
const byFile = (t: Test) =>
  t.since(
    '6.2',
    'nvme_cmd_allowed() goes by file mode and effects log; before, every command needed CAP_SYS_ADMIN',
  );

suite('without privileges', { devices: ['data'] }, () => {
  test('the devices are closed to other users: EACCES', (t) => {
    const device = t.device('data');
    for (const path of [device.char, device.controllers[0]?.path ?? ''])
      t.equal(openAs(NOBODY, path, constants.O_RDWR)?.code, 'EACCES', path);
    t.equal(openAs(0, device.char, constants.O_RDWR), undefined, 'root');
  });

  test('an opened file lets anybody read and write, as it was opened', async (t) => {
    const device = t.device('data');
    const where = area(device, 1);
    const memory = ioMemory(t, device.blockSize);
    const both = t.use(new File(device.char, constants.O_RDWR));
    const readOnly = t.use(new File(device.char, constants.O_RDONLY));
    const read = nvme.transfer('read', device, where, memory);
    const write = nvme.transfer('write', device, where, memory);
    const results = [await asNobody(t, readOnly, read), await asNobody(t, both, write)];
    if (byFile(t)) t.same(results, [0, 0], 'read, opened for reading, and write, opened for both');
    else for (const res of results) t.errno(res, 'EACCES');
    t.errno(await asNobody(t, readOnly, write), 'EACCES', 'write, opened for reading');
  });

  test('vendor commands and most admin commands need CAP_SYS_ADMIN: EACCES', async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, constants.O_RDWR));
    const controller = t.use(new File(device.controllers[0]?.path ?? '', constants.O_RDWR));
    const memory = ioMemory(t, 4096);
    t.errno(await asNobody(t, char, { opcode: 0xc0, nsid: device.nsid }), 'EACCES', 'vendor opcode');
    const admin = (command: NvmeCommand) => asNobody(t, controller, command, 'NVME_URING_CMD_ADMIN');
    t.errno(await admin(nvme.getLogPage(2, 0xffffffff, memory)), 'EACCES', 'get log page');
    t.errno(await admin(nvme.identify(nvme.Cns.activeNamespaces, 0, memory)), 'EACCES', 'identify list');
    const harmless = await admin(nvme.identify(nvme.Cns.namespace, device.nsid, memory));
    if (byFile(t)) t.equal(harmless, 0, 'identify namespace');
    else t.errno(harmless, 'EACCES', 'identify namespace');
  });
});
