// The README of the suites lists what 'ringlab/suite' exports. Take sizes from the device: drives differ in block size and limits.
import { constants } from 'node:fs';
import { File, ioMemory, nvme, openRing, suite, test, throttled } from 'ringlab/suite';

suite('passthrough of the first blocks', { devices: ['data'] }, () => {
  test('a passthrough read returns the data that was written through the block device', async (t) => {
    const device = t.device('data');
    const block = t.use(new File(device.block, constants.O_RDWR | constants.O_DIRECT));
    const char = t.use(new File(device.char, constants.O_RDWR));
    const span = { lba: 0, blocks: device.blocksOf(4096) };
    const written = ioMemory(t, span.blocks * device.blockSize, 1);
    t.equal(block.write(written.bytes, 0), written.length, 'bytes written to the block device');

    const read = ioMemory(t, written.length);
    const command = nvme.transfer('read', device, span, read);
    const cqe = await openRing(t).execute({ fd: char.fd, command });
    t.equal(cqe.res, 0, 'CQE res of the read');
    t.bytes(read.bytes, written.bytes, 'data read');
  });

  test('a submission to a slow drive returns while a read is in flight, and all reads complete with res 0', async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, constants.O_RDWR));
    const ring = openRing(t);
    const memory = ioMemory(t, 8 * device.blockSize);
    const { lift } = await throttled(t, device, 1);
    for (let index = 0; index < 8; index++) {
      const offset = index * device.blockSize;
      const command = nvme.transfer('read', device, { lba: 0, blocks: 1 }, memory, { offset });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    t.equal(ring.submit(), 8, 'reads submitted');
    const early = ring.reap();
    t.ok(early.length < 8, 'a read is in flight after the submission');
    await lift();
    for (const { tag, res } of [...early, ...(await ring.wait(8 - early.length))])
      t.equal(res, 0, `CQE res of read ${tag}`);
  });

  test('a flush of another namespace than the opened one fails with EINVAL', async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, constants.O_RDWR));
    const command = { ...nvme.flush(device), nsid: device.nsid + 1 };
    t.errno(await openRing(t).execute({ fd: char.fd, command }), 'EINVAL', 'CQE res of the flush');
  });
});
