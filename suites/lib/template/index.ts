import { constants } from 'node:fs';
import { File, ioMemory, nvme, openRing, suite, test, throttled } from 'ringlab/suite';

suite('reads of the first blocks', { devices: ['data'] }, () => {
  test('passthrough reads what the block device wrote', async (t) => {
    const device = t.device('data');
    const block = t.use(new File(device.block, constants.O_RDWR | constants.O_DIRECT));
    const char = t.use(new File(device.char, constants.O_RDWR));
    const written = ioMemory(t, 8 * device.blockSize, 1);
    t.equal(block.write(written.bytes, 0), written.length, 'a short write');

    const read = ioMemory(t, written.length);
    const command = nvme.transfer('read', device, { lba: 0, blocks: 8 }, read);
    const cqe = await openRing(t).execute({ fd: char.fd, command });
    t.equal(cqe.res, 0);
    t.bytes(read.bytes, written.bytes);
  });

  test('a slow drive does not hold the submitter up', async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, constants.O_RDWR));
    const ring = openRing(t);
    const memory = ioMemory(t, 8 * 4096);
    const { lift } = await throttled(t, device, 10);
    for (let index = 0; index < 8; index++) {
      const command = nvme.transfer('read', device, { lba: 0, blocks: 8 }, memory, { offset: index * 4096 });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    t.equal(ring.submit(), 8);
    const early = ring.reap();
    t.ok(early.length < 8, 'the drive was not slow');
    await lift();
    for (const { res } of [...early, ...(await ring.wait(8 - early.length))]) t.equal(res, 0);
  });

  test('a command that the kernel refuses', async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, constants.O_RDWR));
    const command = { ...nvme.flush(device), nsid: device.nsid + 1 };
    t.errno(await openRing(t).execute({ fd: char.fd, command }), 'EINVAL');
  });
});
