import { constants, readFileSync } from 'node:fs';
import {
  File,
  ioMemory,
  iovecs,
  type NvmeCommand,
  nvme,
  type Passthrough,
  suite,
  test,
} from '../lib/index.ts';
import { area, setUp } from './setup.ts';

/** Below every program's first page. */
const NOWHERE = 0x10000n;
const KERNEL_ADDRESS = 0xffff_8880_0000_0000n;

suite('what the kernel refuses', { devices: ['data'] }, () => {
  test('another namespace than the file’s is EINVAL', async (t) => {
    const { device, char, ring } = setUp(t);
    for (const nsid of [0, device.nsid + 1, 0xffffffff])
      t.errno(
        await ring.execute({ fd: char.fd, command: { ...nvme.flush(device), nsid } }),
        'EINVAL',
        `nsid ${nsid}`,
      );
  });

  test('command flags are the driver’s: EINVAL', async (t) => {
    const { device, char, ring } = setUp(t);
    for (const flags of [0x01, 0x40, 0x80])
      t.errno(
        await ring.execute({ fd: char.fd, command: { ...nvme.flush(device), flags } }),
        'EINVAL',
        `${flags}`,
      );
  });

  test('unknown and misplaced command operations are ENOTTY', async (t) => {
    const { device, char, ring } = setUp(t);
    const admin = t.use(new File(device.controllers[0]?.path ?? '', constants.O_RDWR));
    const flush = nvme.flush(device);
    const wrong: [number, string | number][] = [
      [char.fd, 'NVME_URING_CMD_ADMIN'],
      [char.fd, 'NVME_URING_CMD_ADMIN_VEC'],
      [char.fd, 0],
      [char.fd, 0xffffffff],
      [admin.fd, 'NVME_URING_CMD_IO'],
      [admin.fd, 'NVME_URING_CMD_IO_VEC'],
    ];
    for (const [fd, cmdOp] of wrong)
      t.errno(await ring.execute({ fd, cmdOp, command: flush }), 'ENOTTY', `${cmdOp} on fd ${fd}`);
  });

  test('files without passthrough are EOPNOTSUPP, closed ones EBADF', async (t) => {
    const { device, ring } = setUp(t);
    const file = t.use(new File('/run/ringlab-plain', constants.O_RDWR | constants.O_CREAT));
    const command = nvme.flush(device);
    t.errno(await ring.execute({ fd: file.fd, command }), 'EOPNOTSUPP');
    file.close();
    t.errno(await ring.execute({ fd: file.fd, command }), 'EBADF');
  });

  test('reserved SQE fields and unknown flags are EINVAL', async (t) => {
    const { device, char, ring } = setUp(t);
    const pass: Passthrough = { fd: char.fd, command: nvme.flush(device) };
    const cmdOp = t.uapi.field('io_uring_sqe', 'cmd_op').offset;
    const cmdFlags = t.uapi.field('io_uring_sqe', 'uring_cmd_flags').offset;
    const spoil: [string, (sqe: DataView) => void][] = [
      ['the word behind cmd_op', (sqe) => sqe.setUint32(cmdOp + 4, 1, true)],
      ['uring_cmd_flags', (sqe) => sqe.setUint32(cmdFlags, 1 << 30, true)],
    ];
    for (const [what, change] of spoil) {
      change(ring.passthrough(pass));
      t.errno((await ring.complete())[0] ?? { res: 0 }, 'EINVAL', what);
    }
    t.equal((await ring.execute(pass)).res, 0, 'the unspoilt command');
  });

  test('memory that is not the caller’s is EFAULT', async (t) => {
    const { device, char, ring } = setUp(t);
    const good = nvme.transfer('read', device, { lba: 0, blocks: 1 }, ioMemory(t, 4096));
    for (const addr of [8n, NOWHERE, KERNEL_ADDRESS])
      t.errno(
        await ring.execute({ fd: char.fd, command: { ...good, addr } }),
        'EFAULT',
        `address 0x${addr.toString(16)}`,
      );
    const list = t.use(iovecs([{ address: NOWHERE, length: 4096 }]));
    const vectored = { ...good, addr: list.address, dataLength: 1 };
    t.errno(
      await ring.execute({ fd: char.fd, cmdOp: 'NVME_URING_CMD_IO_VEC', command: vectored }),
      'EFAULT',
      'vector',
    );
  });

  test('registered buffers: no slot, past the end and before the start are EFAULT', async (t) => {
    const { device, char, ring } = setUp(t);
    const memory = ioMemory(t, 4096, 5);
    const where = { lba: 0, blocks: 1 };
    const command = nvme.transfer('read', device, where, memory);
    t.errno(await ring.execute({ fd: char.fd, command, bufIndex: 0 }), 'EFAULT', 'nothing registered');
    ring.registerBuffers([memory]);
    const before = memory.bytes.slice();
    const tries: [string, number, Partial<NvmeCommand>][] = [
      ['slot 1 of 1', 1, {}],
      ['a byte past the end', 0, { addr: memory.address + 3585n }],
      ['a byte before the start', 0, { addr: memory.address - 1n }],
      ['a byte longer than the buffer', 0, { dataLength: 4097 }],
      ['an end beyond all addresses', 0, { addr: 0xffff_ffff_ffff_ff00n }],
    ];
    for (const [what, bufIndex, change] of tries)
      t.errno(
        await ring.execute({ fd: char.fd, command: { ...command, ...change }, bufIndex }),
        'EFAULT',
        what,
      );
    t.bytes(memory.bytes, before, 'a refused command touched the buffer');
    t.equal((await ring.execute({ fd: char.fd, command, bufIndex: 0 })).res, 0, 'the right command');
  });

  test('the largest transfer works, and one block more is EINVAL', async (t) => {
    const { device, char, ring, io } = setUp(t);
    const limit = Number(readFileSync(`/sys/block/${device.name}/queue/max_hw_sectors_kb`, 'utf8')) * 1024;
    const where = area(device, limit / device.blockSize + 1);
    const memory = ioMemory(t, where.blocks * device.blockSize, 81);
    const largest = { ...where, blocks: where.blocks - 1 };
    t.equal((await io('write', largest, memory)).res, 0, `${limit} bytes`);
    const target = ioMemory(t, limit);
    t.equal((await io('read', largest, target)).res, 0, `${limit} bytes`);
    t.bytes(target.bytes, memory.bytes.subarray(0, limit));
    const more = nvme.transfer('read', device, where, memory);
    t.errno(await ring.execute({ fd: char.fd, command: more }), 'EINVAL', `${memory.length} bytes`);
  });
});
