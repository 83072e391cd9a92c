import { readFileSync } from 'node:fs';
import {
  File,
  ioctlCommand,
  ioMemory,
  iovecs,
  nvme,
  openRing,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { READ_WRITE } from './setup.ts';

/** Features, NVMe Base 2.0 figure 317. */
const NUMBER_OF_QUEUES = 0x07;
const FIRMWARE_SLOTS = 0x03;

function setUpAdmin(t: Test) {
  const device = t.device('data');
  const [controller] = device.controllers;
  if (!controller) throw new Error(`no controller for ${device.name}`);
  const file = t.use(new File(controller.path, READ_WRITE));
  return { device, controller, file, ring: openRing(t) };
}

suite('admin commands', { devices: ['data'] }, () => {
  test('identify controller agrees with sysfs and with the ioctl', async (t) => {
    const { controller, file, ring } = setUpAdmin(t);
    const [memory, reference] = [ioMemory(t, 4096), ioMemory(t, 4096)];
    const command = nvme.identify(nvme.Cns.controller, 0, memory);
    t.equal((await ring.execute({ fd: file.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN' })).res, 0);
    const sysfs = (name: string) => readFileSync(`/sys/class/nvme/${controller.name}/${name}`, 'utf8').trim();
    const expected = { serial: sysfs('serial'), model: sysfs('model'), firmware: sysfs('firmware_rev') };
    t.same(nvme.controllerText(memory.bytes), expected);
    const same = nvme.identify(nvme.Cns.controller, 0, reference);
    t.equal(ioctlCommand(t.uapi, file, same, 'NVME_IOCTL_ADMIN64_CMD').status, 0);
    t.bytes(memory.bytes, reference.bytes);
  });

  test('identify namespace agrees with what the lab built', async (t) => {
    const { device, file, ring } = setUpAdmin(t);
    const memory = ioMemory(t, 4096);
    const command = nvme.identify(nvme.Cns.namespace, device.nsid, memory);
    t.equal((await ring.execute({ fd: file.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN' })).res, 0);
    const { metadataBytes, piType, blockSize } = device.info;
    const expected = { blocks: BigInt(device.blocks), blockSize, metadataBytes, piType };
    t.same(nvme.namespaceFormat(memory), expected);
  });

  test('the 64-bit result comes in the first extra word of the CQE', async (t) => {
    const { file, ring } = setUpAdmin(t);
    const command = { opcode: nvme.Admin.getFeatures, nsid: 0, cdw10: NUMBER_OF_QUEUES };
    const { status, result } = ioctlCommand(t.uapi, file, command, 'NVME_IOCTL_ADMIN64_CMD');
    t.equal(status, 0);
    t.ok(result !== 0n, 'a result that is not 0 is needed to see anything');
    const cqe = await ring.execute({ fd: file.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN' });
    t.equal(cqe.res, 0);
    t.same(cqe.big, [result, 0n]);
  });

  test('get log page moves data of any length', async (t) => {
    const { file, ring } = setUpAdmin(t);
    for (const length of [512, 128, 4]) {
      const [memory, reference] = [ioMemory(t, length), ioMemory(t, length, 6)];
      const cmdOp = 'NVME_URING_CMD_ADMIN';
      const command = nvme.getLogPage(FIRMWARE_SLOTS, 0xffffffff, memory);
      t.equal((await ring.execute({ fd: file.fd, command, cmdOp })).res, 0, `${length} bytes`);
      const same = nvme.getLogPage(FIRMWARE_SLOTS, 0xffffffff, reference);
      t.equal(ioctlCommand(t.uapi, file, same, 'NVME_IOCTL_ADMIN64_CMD').status, 0);
      t.bytes(memory.bytes, reference.bytes, `${length} bytes`);
    }
  });

  test('vectored admin commands scatter', async (t) => {
    const { file, ring } = setUpAdmin(t);
    const [memory, whole] = [ioMemory(t, 3 * 4096), ioMemory(t, 4096)];
    const parts = [
      { address: memory.address + 4096n + 2048n, length: 2048 },
      { address: memory.address + 8192n, length: 2048 },
    ];
    const list = t.use(iovecs(parts));
    const command = { ...nvme.identify(nvme.Cns.controller, 0, list), dataLength: parts.length };
    t.equal((await ring.execute({ fd: file.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN_VEC' })).res, 0);
    const plain = nvme.identify(nvme.Cns.controller, 0, whole);
    t.equal((await ring.execute({ fd: file.fd, command: plain, cmdOp: 'NVME_URING_CMD_ADMIN' })).res, 0);
    const expected = new Uint8Array(memory.length);
    expected.set(whole.bytes, 6144);
    t.bytes(memory.bytes, expected);
  });

  test('the controller device does not poll: EOPNOTSUPP on a polled ring', async (t) => {
    const { file } = setUpAdmin(t);
    const ring = openRing(t, { flags: ['IORING_SETUP_IOPOLL'] });
    const command = nvme.identify(nvme.Cns.controller, 0, ioMemory(t, 4096));
    t.errno(await ring.execute({ fd: file.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN' }), 'EOPNOTSUPP');
  });
});
