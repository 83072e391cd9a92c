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
import { allocateBlocks, setUp } from './setup.ts';

/** A user address that is never mapped: below the first page of every program. */
const UNMAPPED = 0x10000n;
/** In the direct map of x86-64. */
const KERNEL_ADDRESS = 0xffff_8880_0000_0000n;

suite('commands that the kernel refuses', { devices: ['data'] }, () => {
  test('a command for a namespace other than the file’s fails with EINVAL', async (t) => {
    const { device, char, ring } = setUp(t);
    for (const nsid of [0, device.nsid + 1, 0xffffffff]) {
      const cqe = await ring.execute({ fd: char.fd, command: { ...nvme.flush(device), nsid } });
      t.errno(cqe, 'EINVAL', `CQE res of a flush with nsid ${nsid}`);
    }
  });

  test('a command with NVMe command flags, which only the driver may set, fails with EINVAL', async (t) => {
    const { device, char, ring } = setUp(t);
    for (const flags of [0x01, 0x40, 0x80]) {
      const cqe = await ring.execute({ fd: char.fd, command: { ...nvme.flush(device), flags } });
      t.errno(cqe, 'EINVAL', `CQE res of a flush with command flags 0x${flags.toString(16)}`);
    }
  });

  test('an unknown cmd_op, and a cmd_op of the other kind of device, fail with ENOTTY', async (t) => {
    const { device, char, ring } = setUp(t);
    const controller = t.use(new File(device.controllers[0]?.path ?? '', constants.O_RDWR));
    const flush = nvme.flush(device);
    const operations: [string, File, string | number][] = [
      ['namespace', char, 'NVME_URING_CMD_ADMIN'],
      ['namespace', char, 'NVME_URING_CMD_ADMIN_VEC'],
      ['namespace', char, 0],
      ['namespace', char, 0xffffffff],
      ['controller', controller, 'NVME_URING_CMD_IO'],
      ['controller', controller, 'NVME_URING_CMD_IO_VEC'],
    ];
    for (const [kind, { fd }, cmdOp] of operations) {
      const cqe = await ring.execute({ fd, cmdOp, command: flush });
      t.errno(cqe, 'ENOTTY', `CQE res of cmd_op ${cmdOp} on the ${kind} device`);
    }
  });

  test('a command on a regular file fails with EOPNOTSUPP, on a closed file with EBADF', async (t) => {
    const { device, ring } = setUp(t);
    const file = t.use(new File('/run/ringlab-plain', constants.O_RDWR | constants.O_CREAT));
    const command = nvme.flush(device);
    const onFile = await ring.execute({ fd: file.fd, command });
    t.errno(onFile, 'EOPNOTSUPP', 'CQE res of a flush on a regular file');
    file.close();
    t.errno(await ring.execute({ fd: file.fd, command }), 'EBADF', 'CQE res of a flush on a closed file');
  });

  test('an SQE with a reserved field or an unknown uring_cmd flag fails with EINVAL', async (t) => {
    const { device, char, ring } = setUp(t);
    const flush: Passthrough = { fd: char.fd, command: nvme.flush(device) };
    const cmdOp = t.uapi.field('io_uring_sqe', 'cmd_op').offset;
    const cmdFlags = t.uapi.field('io_uring_sqe', 'uring_cmd_flags').offset;
    const fields: [string, (sqe: DataView) => void][] = [
      ['the reserved word after cmd_op', (sqe) => sqe.setUint32(cmdOp + 4, 1, true)],
      ['an unknown bit of uring_cmd_flags', (sqe) => sqe.setUint32(cmdFlags, 1 << 30, true)],
    ];
    for (const [field, setField] of fields) {
      setField(ring.passthrough(flush));
      t.errno((await ring.complete())[0] ?? { res: 0 }, 'EINVAL', `CQE res of a flush with ${field} set`);
    }
    t.equal((await ring.execute(flush)).res, 0, 'CQE res of the unmodified flush');
  });

  test('a command with memory outside the caller’s address space fails with EFAULT', async (t) => {
    const { device, char, ring } = setUp(t);
    const read = nvme.transfer('read', device, { lba: 0, blocks: 1 }, ioMemory(t, device.blockSize));
    for (const addr of [8n, UNMAPPED, KERNEL_ADDRESS]) {
      const cqe = await ring.execute({ fd: char.fd, command: { ...read, addr } });
      t.errno(cqe, 'EFAULT', `CQE res of a read into address 0x${addr.toString(16)}`);
    }
    const list = t.use(iovecs([{ address: UNMAPPED, length: device.blockSize }]));
    const vectored = nvme.transfer('read', device, { lba: 0, blocks: 1 }, list);
    const cqe = await ring.execute({ fd: char.fd, cmdOp: 'NVME_URING_CMD_IO_VEC', command: vectored });
    t.errno(cqe, 'EFAULT', 'CQE res of a vectored read into unmapped memory');
  });

  test('an empty buffer slot, and a range outside the registered buffer, fail with EFAULT', async (t) => {
    const { device, char, ring } = setUp(t);
    const memory = ioMemory(t, Math.max(4096, device.blockSize), 5);
    const command = nvme.transfer('read', device, { lba: 0, blocks: 1 }, memory);
    const unregistered = await ring.execute({ fd: char.fd, command, bufIndex: 0 });
    t.errno(unregistered, 'EFAULT', 'CQE res of a read with no buffers registered');
    ring.registerBuffers([memory]);
    const before = memory.bytes.slice();
    const cases: [string, number, Partial<NvmeCommand>][] = [
      ['buffer slot 1 of 1', 1, {}],
      [
        'a range one byte past the end',
        0,
        { addr: memory.address + BigInt(memory.length - device.blockSize + 1) },
      ],
      ['a range one byte before the start', 0, { addr: memory.address - 1n }],
      ['a range one byte longer than the buffer', 0, { dataLength: memory.length + 1 }],
      ['a range whose end overflows 64 bits', 0, { addr: 0xffff_ffff_ffff_ff00n }],
    ];
    for (const [label, bufIndex, change] of cases) {
      const cqe = await ring.execute({ fd: char.fd, command: { ...command, ...change }, bufIndex });
      t.errno(cqe, 'EFAULT', `CQE res of a read into ${label}`);
    }
    t.bytes(memory.bytes, before, 'the buffer after the refused reads');
    const valid = await ring.execute({ fd: char.fd, command, bufIndex: 0 });
    t.equal(valid.res, 0, 'CQE res of a read within the buffer');
  });

  test('a transfer of max_hw_sectors_kb completes; one block more fails with EINVAL', async (t) => {
    const { device, char, ring, io } = setUp(t);
    const limit = Number(readFileSync(`/sys/block/${device.name}/queue/max_hw_sectors_kb`, 'utf8')) * 1024;
    const span = allocateBlocks(device, Math.floor(limit / device.blockSize) + 1);
    const memory = ioMemory(t, span.blocks * device.blockSize, 81);
    const largest = { ...span, blocks: span.blocks - 1 };
    t.equal((await io('write', largest, memory)).res, 0, `CQE res of the write of ${limit} bytes`);
    const target = ioMemory(t, largest.blocks * device.blockSize);
    t.equal((await io('read', largest, target)).res, 0, `CQE res of the read of ${limit} bytes`);
    t.bytes(target.bytes, memory.bytes.subarray(0, target.length), `memory after the read of ${limit} bytes`);
    const tooLong = nvme.transfer('read', device, span, memory);
    const cqe = await ring.execute({ fd: char.fd, command: tooLong });
    t.errno(cqe, 'EINVAL', `CQE res of a read of ${memory.length} bytes`);
  });
});
