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
import { checkPolledIdentify } from './admin-polled.ts';
import { READ_WRITE } from './setup.ts';

/** Log page identifier, NVMe Base 2.0 section 5.16.1.4. */
const FIRMWARE_SLOTS = 0x03;

function setUpAdmin(t: Test) {
  const device = t.device('data');
  const [controller] = device.controllers;
  if (!controller) throw new Error(`no controller for ${device.name}`);
  const file = t.use(new File(controller.path, READ_WRITE));
  return { device, controller, file, ring: openRing(t) };
}

suite('admin commands', { devices: ['data'] }, () => {
  test('identify controller by io_uring agrees with sysfs and with the ioctl', async (t) => {
    const { controller, file, ring } = setUpAdmin(t);
    const [memory, reference] = [ioMemory(t, 4096), ioMemory(t, 4096)];
    const command = nvme.identify(nvme.Cns.controller, 0, memory);
    const { res } = await ring.execute({ fd: file.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN' });
    t.equal(res, 0, 'CQE res of identify controller');
    const sysfs = (name: string) => readFileSync(`/sys/class/nvme/${controller.name}/${name}`, 'utf8').trim();
    const expected = { serial: sysfs('serial'), model: sysfs('model'), firmware: sysfs('firmware_rev') };
    t.same(nvme.controllerText(memory.bytes), expected, 'serial, model and firmware');
    const byIoctl = nvme.identify(nvme.Cns.controller, 0, reference);
    const { status } = ioctlCommand(t.uapi, file, byIoctl, 'NVME_IOCTL_ADMIN64_CMD');
    t.equal(status, 0, 'status of identify controller by ioctl');
    t.bytes(memory.bytes, reference.bytes, 'identify data compared with that of the ioctl');
  });

  test('identify namespace reports the size and format that the lab configured', async (t) => {
    const { device, file, ring } = setUpAdmin(t);
    const memory = ioMemory(t, 4096);
    const command = nvme.identify(nvme.Cns.namespace, device.nsid, memory);
    const { res } = await ring.execute({ fd: file.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN' });
    t.equal(res, 0, 'CQE res of identify namespace');
    const { metadataBytes, piType, blockSize } = device.info;
    const expected = { blocks: BigInt(device.blocks), blockSize, metadataBytes, piType };
    t.same(nvme.namespaceFormat(memory), expected, 'size and format of the namespace');
  });

  test('the 64-bit result of get features is the first extra word of the CQE', async (t) => {
    const { file, ring } = setUpAdmin(t);
    const command = { opcode: nvme.Admin.getFeatures, nsid: 0, cdw10: nvme.Feature.temperatureThreshold };
    const { status, result } = ioctlCommand(t.uapi, file, command, 'NVME_IOCTL_ADMIN64_CMD');
    t.equal(status, 0, 'status of get features by ioctl');
    t.ok(result !== 0n, 'the temperature threshold is not 0, as an unset extra word would be');
    const cqe = await ring.execute({ fd: file.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN' });
    t.equal(cqe.res, 0, 'CQE res of get features');
    t.same(cqe.big, [result, 0n], 'extra words of get features');
  });

  test('get log page of 4, 128 and 512 bytes returns the same data as the ioctl', async (t) => {
    const { file, ring } = setUpAdmin(t);
    for (const length of [512, 128, 4]) {
      const [memory, reference] = [ioMemory(t, length), ioMemory(t, length, 6)];
      const cmdOp = 'NVME_URING_CMD_ADMIN';
      const command = nvme.getLogPage(FIRMWARE_SLOTS, 0xffffffff, memory);
      const { res } = await ring.execute({ fd: file.fd, command, cmdOp });
      t.equal(res, 0, `CQE res of get log page of ${length} bytes`);
      const byIoctl = nvme.getLogPage(FIRMWARE_SLOTS, 0xffffffff, reference);
      const { status } = ioctlCommand(t.uapi, file, byIoctl, 'NVME_IOCTL_ADMIN64_CMD');
      t.equal(status, 0, `status of get log page of ${length} bytes by ioctl`);
      t.bytes(memory.bytes, reference.bytes, `log page of ${length} bytes`);
    }
  });

  test('a vectored identify scatters into its iovecs and nowhere else', async (t) => {
    const { file, ring } = setUpAdmin(t);
    const [memory, whole] = [ioMemory(t, 3 * 4096), ioMemory(t, 4096)];
    const list = t.use(iovecs([memory.part(4096 + 2048, 2048), memory.part(8192, 2048)]));
    const command = nvme.identify(nvme.Cns.controller, 0, list);
    const vectored = await ring.execute({ fd: file.fd, command, cmdOp: 'NVME_URING_CMD_ADMIN_VEC' });
    t.equal(vectored.res, 0, 'CQE res of the vectored identify');
    const plain = nvme.identify(nvme.Cns.controller, 0, whole);
    const { res } = await ring.execute({ fd: file.fd, command: plain, cmdOp: 'NVME_URING_CMD_ADMIN' });
    t.equal(res, 0, 'CQE res of the identify into one buffer');
    const expected = new Uint8Array(memory.length);
    expected.set(whole.bytes, 6144);
    t.bytes(memory.bytes, expected, 'the iovecs and the memory around them');
  });

  test('an admin command on a polled ring fails with EOPNOTSUPP, and succeeds since Linux 7.1', async (t) => {
    const { file } = setUpAdmin(t);
    await checkPolledIdentify(t, openRing(t, { flags: ['IORING_SETUP_IOPOLL'] }), file);
  });
});
