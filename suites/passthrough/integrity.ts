import { type Memory, nvme, Prinfo, suite, TUPLE_BYTES, test } from '../lib/index.ts';
import { APPLICATION_TAG, CHECK_ALL, protectedData, readBuffers, transfer } from './protected.ts';
import { allocateBlocks, setUp } from './setup.ts';

const { Status } = nvme;

suite('protection information', { devices: ['pi'] }, () => {
  test('metadata in a separate buffer is written and read back, and passes all checks of the device', async (t) => {
    const fixture = setUp(t, {}, 'pi');
    for (const blocks of [1, 7, 64].map((each) => fixture.device.atMost(each))) {
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
      const span = allocateBlocks(fixture.device, fixture.device.atMost(8));
      const correct = protectedData(t, fixture, span, 820);
      t.equal(
        await transfer(fixture, 'write', span, correct),
        0,
        `CQE res of the write with the correct ${name}`,
      );
      const wrong = protectedData(t, fixture, span, 821);
      // In the tuple of the last block but one, so that the device sees it only if all tuples arrive in order.
      const position = (span.blocks - 2) * TUPLE_BYTES + offset;
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
    const span = allocateBlocks(device, device.atMost(8));
    const expected = protectedData(t, fixture, span, 830);
    const expectedTags = { cdw14: Number(span.lba), cdw15: APPLICATION_TAG };
    const pract = (kind: 'read' | 'write', memory: Memory) => {
      const command = nvme.transfer(kind, device, span, memory, { prinfo: Prinfo.act });
      return { fd: char.fd, command: { ...command, ...expectedTags } };
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
});
