import {
  File,
  ioMemory,
  type Memory,
  nvme,
  Prinfo,
  protect,
  suite,
  type Test,
  TUPLE_BYTES,
  test,
} from '../lib/index.ts';
import { allocateBlocks, DIRECT, type Fixture, readBlockDevice, setUp, writeBlockDevice } from './setup.ts';

const { Status } = nvme;
const APPLICATION_TAG = 0x4d5a;
const CHECK_ALL = Prinfo.guard | Prinfo.applicationTag | Prinfo.referenceTag;

/**
 * blk_rq_integrity_map_user() of Linux before 6.16 passes the wrong direction, so that the metadata pages of a read are pinned
 * without write access. For memory that was never written to that pins the zero page, which all processes share, and the device
 * writes to it.
 */
const ZERO_PAGE =
  'blk_rq_integrity_map_user() lets the device write to pages that are not the caller’s (fixed by "block: flip iter directions in blk_rq_integrity_map_user()", Linux 6.16)';

interface Buffers {
  data: Memory;
  metadata: Memory;
}

/** A pattern of data, and metadata with the correct tuples for these blocks. */
function protectedData(t: Test, { device }: Fixture, span: nvme.Span, seed: number): Buffers {
  const data = ioMemory(t, span.blocks * device.blockSize, seed);
  const metadata = ioMemory(t, span.blocks * TUPLE_BYTES);
  protect(data.bytes, metadata, span, APPLICATION_TAG);
  return { data, metadata };
}

/** Buffers to read into, filled with a pattern so that they do not share the zero page: see ZERO_PAGE. */
function readBuffers(t: Test, { device }: Fixture, { blocks }: nvme.Span): Buffers {
  return { data: ioMemory(t, blocks * device.blockSize, 1), metadata: ioMemory(t, blocks * TUPLE_BYTES, 2) };
}

/** CQE res of a transfer with metadata. `checks` (bits of Prinfo): which tags the device compares with the correct ones. */
async function transfer(
  fixture: Fixture,
  kind: 'read' | 'write',
  span: nvme.Span,
  { data, metadata }: Buffers,
  checks = CHECK_ALL,
): Promise<number> {
  const { device, char, ring } = fixture;
  const command = nvme.transfer(kind, device, span, data, { metadata });
  const tags = {
    cdw14: Number(BigInt(span.lba) & 0xffffffffn),
    cdw15: ((0xffff << 16) | APPLICATION_TAG) >>> 0,
  };
  const cqe = await ring.execute({
    fd: char.fd,
    command: { ...command, ...tags, cdw12: ((command.cdw12 ?? 0) | checks) >>> 0 },
  });
  return cqe.res;
}

suite('metadata and protection information', { devices: ['pi'] }, () => {
  test('metadata in a separate buffer is written and read back, and passes all checks of the device', async (t) => {
    const fixture = setUp(t, {}, 'pi');
    for (const blocks of [1, 7, 64]) {
      const span = allocateBlocks(fixture.device, blocks);
      const source = protectedData(t, fixture, span, 800 + blocks);
      const writeRes = await transfer(fixture, 'write', span, source);
      t.equal(writeRes, 0, `CQE res of the write of ${blocks} blocks`);
      const target = readBuffers(t, fixture, span);
      const readRes = await transfer(fixture, 'read', span, target);
      t.equal(readRes, 0, `CQE res of the read of ${blocks} blocks`);
      t.bytes(target.data.bytes, source.data.bytes, `data of ${blocks} blocks`);
      t.bytes(target.metadata.bytes, source.metadata.bytes, `metadata of ${blocks} blocks`);
    }
  });

  const tags: { name: string; offset: number; check: number; status: number; error: string }[] = [
    { name: 'guard', offset: 0, check: Prinfo.guard, status: Status.guardCheck, error: 'Guard Check Error' },
    {
      name: 'application tag',
      offset: 2,
      check: Prinfo.applicationTag,
      status: Status.applicationTagCheck,
      error: 'Application Tag Check Error',
    },
    {
      name: 'reference tag',
      offset: 4,
      check: Prinfo.referenceTag,
      status: Status.referenceTagCheck,
      error: 'Reference Tag Check Error',
    },
  ];
  for (const { name, offset, check, status, error } of tags) {
    test(`a transfer with a wrong ${name} fails with ${error}; unchecked it succeeds`, async (t) => {
      const fixture = setUp(t, {}, 'pi');
      const span = allocateBlocks(fixture.device, 8);
      const correct = protectedData(t, fixture, span, 820);
      t.equal(
        await transfer(fixture, 'write', span, correct),
        0,
        `CQE res of the write with the correct ${name}`,
      );
      const wrong = protectedData(t, fixture, span, 821);
      // In the tuple of the last block but one, so that the device sees it only if all tuples arrive in order.
      const position = 6 * TUPLE_BYTES + offset;
      wrong.metadata.view.setUint8(position, wrong.metadata.view.getUint8(position) ^ 0x01);
      const checkedWrite = await transfer(fixture, 'write', span, wrong);
      t.equal(nvme.statusCode(checkedWrite), status, `status code of the checked write with a wrong ${name}`);
      const target = readBuffers(t, fixture, span);
      const firstRead = await transfer(fixture, 'read', span, target);
      t.equal(firstRead, 0, 'CQE res of the checked read after the failed write');
      t.bytes(target.data.bytes, correct.data.bytes, 'data after the failed write');
      const uncheckedWrite = await transfer(fixture, 'write', span, wrong, CHECK_ALL & ~check);
      t.equal(uncheckedWrite, 0, `CQE res of the write with a wrong ${name}, unchecked`);
      const checkedRead = await transfer(fixture, 'read', span, target);
      t.equal(nvme.statusCode(checkedRead), status, `status code of the checked read of the wrong ${name}`);
      const uncheckedRead = await transfer(fixture, 'read', span, target, CHECK_ALL & ~check);
      t.equal(uncheckedRead, 0, `CQE res of the read of the wrong ${name}, unchecked`);
      t.bytes(target.metadata.bytes, wrong.metadata.bytes, `metadata with the wrong ${name}`);
    });
  }

  test('with PRACT the device generates and strips the tuples without a metadata buffer', async (t) => {
    const fixture = setUp(t, {}, 'pi');
    const { device, char, ring } = fixture;
    const span = allocateBlocks(device, 8);
    const expected = protectedData(t, fixture, span, 830);
    const expectedTags = { cdw14: Number(span.lba), cdw15: APPLICATION_TAG };
    const pract = (kind: 'read' | 'write', memory: Memory) => {
      const command = nvme.transfer(kind, device, span, memory);
      return {
        fd: char.fd,
        command: { ...command, ...expectedTags, cdw12: ((command.cdw12 ?? 0) | Prinfo.act) >>> 0 },
      };
    };
    const write = await ring.execute(pract('write', expected.data));
    t.equal(write.res, 0, 'CQE res of the write with PRACT');
    const target = readBuffers(t, fixture, span);
    const readRes = await transfer(fixture, 'read', span, target);
    t.equal(readRes, 0, 'CQE res of the read without PRACT');
    t.bytes(target.metadata.bytes, expected.metadata.bytes, 'tuples that the device generated');
    const read = await ring.execute(pract('read', target.data));
    t.equal(read.res, 0, 'CQE res of the read with PRACT');
    t.bytes(target.data.bytes, expected.data.bytes, 'data of the read with PRACT');
  });

  test('an initial reference tag other than the block number fails with Invalid Protection Information', async (t) => {
    const fixture = setUp(t, {}, 'pi');
    const { device, char, ring } = fixture;
    const span = allocateBlocks(device, 1);
    const { data, metadata } = protectedData(t, fixture, span, 840);
    const command = nvme.transfer('write', device, span, data, { metadata });
    const wrong = { ...command, cdw12: Prinfo.referenceTag, cdw14: Number(span.lba) + 1 };
    const { res } = await ring.execute({ fd: char.fd, command: wrong });
    t.equal(
      nvme.statusCode(res),
      Status.invalidProtectionInfo,
      'status code of a write with the reference tag of the next block',
    );
  });

  test('block device and passthrough verify each other’s tuples; a wrong guard fails a block read with EILSEQ', async (t) => {
    const fixture = setUp(t, {}, 'pi');
    const { device } = fixture;
    const span = allocateBlocks(device, 16);
    const source = protectedData(t, fixture, span, 850);
    t.equal(await transfer(fixture, 'write', span, source), 0, 'CQE res of the write by passthrough');
    t.bytes(readBlockDevice(t, device, span), source.data.bytes, 'data read by the block device');
    const data = ioMemory(t, span.blocks * device.blockSize, 851);
    writeBlockDevice(t, device, span, data);
    const target = readBuffers(t, fixture, span);
    const readRes = await transfer(fixture, 'read', span, target, Prinfo.guard | Prinfo.referenceTag);
    t.equal(readRes, 0, 'CQE res of the read by passthrough');
    t.bytes(target.data.bytes, data.bytes, 'data written by the block device');
    const wrongGuard = protectedData(t, fixture, span, 852);
    wrongGuard.metadata.view.setUint16(0, wrongGuard.metadata.view.getUint16(0) ^ 0x8000);
    const writeRes = await transfer(fixture, 'write', span, wrongGuard, 0);
    t.equal(writeRes, 0, 'CQE res of the unchecked write with a wrong guard');
    const block = t.use(new File(device.block, DIRECT));
    t.throws(
      () => block.read(data.bytes, Number(span.lba) * device.blockSize),
      'EILSEQ',
      'error of the block device read with a wrong guard',
    );
  });

  test('metadata at an unmapped address fails with EFAULT', async (t) => {
    const fixture = setUp(t, {}, 'pi');
    const { device, char, ring } = fixture;
    const span = allocateBlocks(device, 1);
    const { data, metadata } = protectedData(t, fixture, span, 860);
    for (const kind of ['read', 'write'] as const) {
      const command = { ...nvme.transfer(kind, device, span, data, { metadata }), metadata: 0x10000n };
      const cqe = await ring.execute({ fd: char.fd, command });
      t.errno(cqe, 'EFAULT', `CQE res of a ${kind} with unmapped metadata`);
    }
  });

  test('metadata of a read goes to the caller’s memory and not to the zero page that all processes share', {
    knownFault: ZERO_PAGE,
  }, async (t) => {
    const fixture = setUp(t, {}, 'pi');
    const span = allocateBlocks(fixture.device, 8);
    // Metadata memory that was never written to is backed by the zero page until its first write.
    const unwritten = () => ({
      data: ioMemory(t, span.blocks * fixture.device.blockSize, 871),
      metadata: ioMemory(t, span.blocks * TUPLE_BYTES),
    });
    const zeros = {
      data: ioMemory(t, span.blocks * fixture.device.blockSize),
      metadata: ioMemory(t, 64, 1),
    };
    zeros.metadata.bytes.fill(0);
    const restoreZeroPage = async () => {
      // On a kernel with the fault the zero page of all processes is overwritten by now: reading zeros the same way restores it.
      t.equal(await transfer(fixture, 'write', span, zeros, 0), 0, 'CQE res of the write of zeros');
      t.equal(await transfer(fixture, 'read', span, unwritten(), 0), 0, 'CQE res of the read of zeros');
    };
    const source = protectedData(t, fixture, span, 870);
    t.equal(await transfer(fixture, 'write', span, source), 0, 'CQE res of the write');
    const target = unwritten();
    const bystander = ioMemory(t, 4096);
    t.equal(bystander.bytes[0], 0, 'first byte of other unwritten memory before the read');
    t.equal(
      await transfer(fixture, 'read', span, target),
      0,
      'CQE res of the read into unwritten metadata memory',
    );
    const metadataRead = target.metadata.bytes.slice();
    const bystanderAfter = bystander.bytes.slice();
    await restoreZeroPage();
    t.bytes(metadataRead, source.metadata.bytes, 'metadata read');
    t.bytes(bystanderAfter, new Uint8Array(bystanderAfter.length), 'other unwritten memory after the read');
  });
});
