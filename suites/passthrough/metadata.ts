import { File, ioMemory, nvme, Prinfo, suite, TUPLE_BYTES, test } from '../lib/index.ts';
import { protectedData, readBuffers, transfer } from './protected.ts';
import { allocateBlocks, DIRECT, readBlockDevice, setUp, writeBlockDevice } from './setup.ts';

/**
 * blk_rq_integrity_map_user() of Linux before 6.16 passes the wrong direction, so that the metadata pages of a read are pinned
 * without write access. For memory that was never written to that pins the zero page, which all processes share, and the device
 * writes to it.
 */
const ZERO_PAGE =
  'blk_rq_integrity_map_user() lets the device write to pages that are not the caller’s (fixed by "block: flip iter directions in blk_rq_integrity_map_user()", Linux 6.16)';

suite('metadata buffers', { devices: ['pi'] }, () => {
  test('block device and passthrough verify each other’s tuples; a wrong guard fails a block read with EILSEQ', async (t) => {
    const fixture = setUp(t, {}, 'pi');
    const { device } = fixture;
    const span = allocateBlocks(device, device.atMost(16));
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
    const span = allocateBlocks(fixture.device, fixture.device.atMost(8));
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
