/** Lengths, offsets and addresses that do not fit their buffers are refused before anything is submitted. */
import { constants } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { buildBinding } from '../binding/build.mjs';
import { File, loadBinding, Memory } from '../binding/index.ts';
import { hostUapi } from '../fakes/host-uapi.ts';
import type { Device } from './device.ts';
import { iovecs } from './iovec.ts';
import * as nvme from './nvme.ts';
import { Prinfo, protect } from './protection.ts';
import { TestRing } from './ring.ts';
import { commandFields, writePassthrough, writeSqe } from './sqe.ts';
import { UapiTable } from './uapi.ts';

loadBinding(await buildBinding());
const uapi = new UapiTable(await hostUapi());
const drive = (blockSize: number, metadataBytes = 0, piType = 0) =>
  ({ nsid: 1, blockSize, metadataBytes, info: { piType } }) as Device;
const where = (blocks: number) => ({ lba: 0, blocks });

/** Whether a call throws a RangeError; any other error is thrown again. */
function refused(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch (error) {
    if (error instanceof RangeError) return true;
    throw error;
  }
}

t.test('a transfer is made exactly when its data and metadata fit their memory', (t) => {
  using data = new Memory(40_000);
  using metadata = new Memory(200);
  const shapes = fc.record({
    blockSize: fc.constantFrom(512, 4096),
    metadataBytes: fc.constantFrom(0, 8, 16),
    blocks: fc.integer({ min: 1, max: 100 }),
    offset: fc.integer({ min: 0, max: 50_000 }),
    kind: fc.constantFrom('read', 'write', 'compare'),
  });
  fc.assert(
    fc.property(shapes, ({ blockSize, metadataBytes, blocks, offset, kind }) => {
      const device = drive(blockSize, metadataBytes);
      const fits = offset + blocks * blockSize <= data.length && blocks * metadataBytes <= metadata.length;
      const make = () => nvme.transfer(kind, device, where(blocks), data, { offset, metadata });
      if (refused(make) === fits) return false;
      if (!fits) return true;
      const { addr, dataLength, metadataLength } = make();
      const end = (addr ?? 0n) + BigInt(dataLength ?? 0);
      return end <= data.address + BigInt(data.length) && metadataLength === metadata.length;
    }),
    { numRuns: 500 },
  );
  t.throws(
    () => nvme.transfer('read', drive(512), where(256), data, { offset: 512 }),
    {
      name: 'RangeError',
      message: /read of 256 blocks of 512 bytes: 131072 bytes at offset 512 .* 40000 bytes/,
    },
    'sizes in the message',
  );
  t.end();
});

t.test('blocks, block numbers and offsets that are no integers of their range are refused', (t) => {
  using memory = new Memory(1 << 20);
  const odd = fc.constantFrom(-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, -0.25, 2 ** 53);
  fc.assert(
    fc.property(odd, fc.constantFrom('lba', 'blocks', 'offset'), (value, field) => {
      const span = { lba: 0, blocks: 1, ...(field === 'offset' ? {} : { [field]: value }) };
      const offset = field === 'offset' ? value : 0;
      return refused(() => nvme.transfer('read', drive(512), span, memory, { offset }));
    }),
  );
  for (const blocks of [0, 65_537]) {
    t.throws(
      () => nvme.writeZeroes(drive(512), where(blocks)),
      RangeError,
      `write zeroes of ${blocks} blocks`,
    );
    t.throws(() => nvme.transfer('read', drive(512), where(blocks), memory), RangeError, `read of ${blocks}`);
  }
  for (const lba of [-1n, 1n << 64n])
    t.throws(() => nvme.writeZeroes(drive(512), { lba, blocks: 1 }), RangeError, `block ${lba}`);
  t.match(nvme.writeZeroes(drive(512), { lba: (1n << 64n) - 1n, blocks: 65_536 }), {
    ...{ cdw10: 0xffffffff, cdw11: 0xffffffff, cdw12: 0xffff },
  });
  t.end();
});

t.test(
  'the device never transfers metadata without memory for it, which must hold the metadata of all blocks',
  (t) => {
    using data = new Memory(8 * 4096);
    const read = (metadataBytes: number, piType: number, options = {}) =>
      nvme.transfer(
        'read',
        drive(4096, metadataBytes, piType),
        { lba: 0x1_0000_0002, blocks: 8 },
        data,
        options,
      );
    t.match(read(8, 1), { cdw12: (Prinfo.act | 7) >>> 0, cdw14: 2, metadata: undefined }, 'generated tuples');
    t.match(read(8, 0), { cdw12: 7, metadataLength: 64 }, 'metadata without protection information');
    t.match(read(8, 1, { prinfo: Prinfo.guard }), { cdw12: (Prinfo.guard | 7) >>> 0, metadataLength: 64 });
    t.match(read(16, 1), { metadataLength: 128 }, 'metadata that is more than the tuple');
    t.match(read(16, 1, { prinfo: Prinfo.act }), { metadataLength: 128 });
    t.equal(read(0, 0).metadata, undefined);
    const compare = nvme.transfer('compare', drive(4096, 8, 1), where(8), data);
    t.match(compare, { cdw12: 7, metadataLength: 64 }, 'compare, which must not have PRACT');
    using short = new Memory(63);
    t.throws(() => read(8, 1, { metadata: short }), /metadata of read of 8 blocks .* 64 bytes .* 63 bytes/);
    using metadata = new Memory(64);
    t.match(read(8, 1, { metadata }), { cdw12: 7, metadata: metadata.address, metadataLength: 64 });
    t.throws(() => read(8, 1, { prinfo: -1 }), RangeError);
    t.throws(() => protect(data.bytes, short, where(8), 1), /64 bytes .* 63 bytes of the metadata memory/);
    t.throws(() => protect(data.bytes, metadata, where(7), 1), RangeError, 'data that is no 7 blocks');
    t.end();
  },
);

t.test('identify, log pages, zone reports and appends are checked against their memory', (t) => {
  using page = new Memory(4096);
  using short = new Memory(4095);
  using tiny = new Memory(62);
  t.throws(() => nvme.identify(1, 0, short), { message: /identify: 4096 bytes .* 4095 bytes/ });
  t.throws(() => nvme.getLogPage(2, 0, tiny), { message: /62 bytes, expected a multiple of 4/ });
  t.throws(() => nvme.getLogPage(2.5, 0, page), RangeError);
  t.throws(() => nvme.zoneReport(drive(4096), 0, tiny), RangeError);
  t.throws(() => nvme.zoneReport(drive(4096), -1, page), RangeError);
  t.throws(() => nvme.zoneAppend(drive(4096), where(2), page), RangeError);
  t.match(nvme.zoneAppend(drive(4096), where(1), page), { opcode: 0x7d, dataLength: 4096 });
  page.view.setBigUint64(0, 1_000_000n, true);
  t.equal(nvme.zonesOf(page).length, 63, 'descriptors of a report that does not hold all zones');
  t.end();
});

t.test('iovecs are checked against their memory, and a vectored transfer against their total', (t) => {
  using memory = new Memory(8192);
  t.throws(() => iovecs([memory.part(4096), { address: memory.address + 1n, length: 8192 }]), {
    message: /iovec 1: 8192 bytes at offset 1 end 1 bytes past the 8192 bytes/,
  });
  t.throws(() => iovecs([{ address: memory.address, length: -1 }]), RangeError);
  using wrong = iovecs([{ address: memory.address, length: 8193 }], { unchecked: true });
  t.equal(wrong.total, 8193, 'length that a test passes on purpose');
  using list = iovecs([memory.part(4096), memory.part(0, 4096)]);
  t.match(nvme.transfer('write', drive(4096), where(2), list), { addr: list.address, dataLength: 2 });
  t.throws(() => nvme.transfer('write', drive(4096), where(3), list), RangeError);
  const command = nvme.transfer('write', drive(4096), where(2), list);
  const view = new DataView(new ArrayBuffer(128));
  const pass = (cmdOp: string) => writePassthrough(view, uapi, { fd: 3, command, cmdOp });
  t.throws(() => pass('NVME_URING_CMD_IO'), /expected the operation NVME_URING_CMD_IO_VEC/);
  pass('NVME_URING_CMD_IO_VEC');
  t.throws(() => nvme.transfer('write', drive(512), where(1), list, { offset: 16 }), RangeError);
  for (const [offset, length] of [
    [-1, 1],
    [0.5, 1],
    [8192, 1],
    [8193, 0],
    [0, 8193],
    [0, -1],
  ] as const)
    t.throws(() => memory.part(offset, length), RangeError, `part of ${length} bytes at ${offset}`);
  t.same(memory.part(8192), { address: memory.address + 8192n, length: 0 });
  t.end();
});

t.test('the buffer of an SQE that begins in memory must end in it, unless the test says otherwise', (t) => {
  using memory = new Memory(4096);
  const view = new DataView(new ArrayBuffer(64));
  const write = (fields: object) => writeSqe(view, uapi, { opcode: 'IORING_OP_READ', fd: 0, ...fields });
  const range = fc.record({ at: fc.nat(4095), len: fc.nat(10_000) });
  fc.assert(
    fc.property(
      range,
      fc.constantFrom('READ', 'WRITE', 'READ_FIXED', 'SEND', 'RECV'),
      ({ at, len }, name) => {
        const fields = { opcode: `IORING_OP_${name}`, addr: memory.address + BigInt(at), len };
        return refused(() => write(fields)) === at + len > 4096;
      },
    ),
  );
  const addr = memory.address;
  t.throws(
    () => write({ opcode: 'IORING_OP_READV', addr, len: 257 }),
    RangeError,
    '257 iovecs in 4096 bytes',
  );
  t.throws(() => write({ opcode: 'IORING_OP_PROVIDE_BUFFERS', fd: 9, addr, len: 512 }), RangeError);
  t.throws(() => write({ opcode: 'IORING_OP_TIMEOUT', addr: addr + 4081n, len: 1 }), RangeError);
  for (const fields of [
    { len: 1.5 },
    { len: -(2 ** 40) },
    { len: 2 ** 32 },
    { fd: 2 ** 33 },
    { off: 1n << 64n },
  ])
    t.throws(() => write(fields), RangeError, `SQE with ${Object.keys(fields)}`);
  write({ addr, len: 5000, unchecked: true });
  t.equal(view.getUint32(24, true), 5000, 'len of the SQE that is wrong on purpose');
  write({ addr: 8n, len: 5000 });
  t.end();
});

t.test('an SQE that is refused takes no slot of the ring', async (t) => {
  using memory = new Memory(512);
  using ring = new TestRing(uapi, { shape: 'plain', entries: 1 });
  const nop = { opcode: 'IORING_OP_NOP', userData: 3 };
  t.throws(() => ring.sqe({ opcode: 'IORING_OP_READ', addr: memory.address, len: 513 }), RangeError);
  t.equal((await ring.run(nop)).tag, 3);
});

t.test('released memory is refused everywhere', async (t) => {
  const memory = new Memory(4096);
  const command = { ...nvme.transfer('read', drive(512), where(8), memory), cdw13: 1 };
  memory.release();
  const view = new DataView(new ArrayBuffer(128));
  t.throws(() => writePassthrough(view, uapi, { fd: 3, command }), /released/, 'command made before');
  t.throws(() => commandFields(command), /released/, 'command of an ioctl');
  t.throws(() => memory.address, RangeError);
  t.throws(() => memory.part(0, 0), RangeError);
  t.throws(() => nvme.transfer('read', drive(512), where(1), memory), RangeError);
  using file = new File('/dev/zero', constants.O_RDWR);
  t.throws(() => file.read(memory.bytes, 0), RangeError);
  using ring = new TestRing(uapi, { shape: 'plain' });
  t.throws(() => ring.registerBuffers([memory]), RangeError);
});

t.test('positions of files, and arguments of ioctls, are checked', (t) => {
  using file = new File('/dev/zero', constants.O_RDWR);
  const bytes = new Uint8Array(8);
  for (const position of [-1, 0.5, Number.NaN, 2 ** 53]) {
    t.throws(() => file.read(bytes, position), RangeError, `read at ${position}`);
    t.throws(() => file.write(bytes, position), RangeError, `write at ${position}`);
    t.throws(() => file.truncate(position), RangeError, `truncate to ${position}`);
  }
  // _IOR(0x12, 114, size_t): BLKGETSIZE64.
  t.throws(() => file.ioctl(0x80081272, new Uint8Array(4)), /argument of 4 bytes, expected 8/);
  t.throws(() => file.ioctl(0x80081272, bytes), { code: 'ENOTTY' });
  t.end();
});

t.test('an argument of io_uring_register that is too small is refused', (t) => {
  using ring = new TestRing(uapi, { shape: 'plain' });
  const register = (name: string, bytes: number, count: number) =>
    ring.register(uapi.constant(`IORING_REGISTER_${name}`), new Uint8Array(bytes), count);
  t.throws(() => register('PROBE', 16, 64), /argument of 16 bytes, expected 528/);
  t.equal(register('PROBE', 528, 64), 0);
  t.throws(() => register('BUFFERS', 31, 2), RangeError);
  t.throws(() => register('FILES', 4, -1), RangeError);
  t.throws(() => ring.register(uapi.constant('IORING_UNREGISTER_BUFFERS'), null, 0), { code: 'ENXIO' });
  t.end();
});

t.test('statusCode refuses the errno of a command that has no status', (t) => {
  t.equal(nvme.statusCode(0x4281), 0x281);
  t.equal(nvme.statusCode(0), 0);
  t.throws(() => nvme.statusCode(-4), { name: 'RangeError', message: /CQE res -4 is the errno EINTR/ });
  t.throws(() => nvme.statusCode(0x10000), RangeError);
  t.end();
});
