import { setTimeout as delay } from 'node:timers/promises';
import { ioMemory, iovecs, nvme, suite, test, throttled } from '../lib/index.ts';
import { holdPaths, strandSecond } from './hold.ts';
import {
  allocateSpan,
  allSucceeded,
  onMedium,
  openFixture,
  PAGE,
  pageOf,
  putOnMedium,
  resultsByTag,
  submitReads,
  WITH_METADATA,
} from './setup.ts';

const COUNT = 16;
/** Long enough for a command that does not wait to complete. */
const MOMENT_MS = 300;

suite('no usable path', { devices: [WITH_METADATA], class: 'contract' }, () => {
  test('writes without a usable path wait and succeed when a path returns, though their SQEs are overwritten', async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const { device, char, ring } = fixture;
    const hold = await holdPaths(t, fixture);
    const where = allocateSpan(device, 8 * device.blocksOf(PAGE));
    const memory = ioMemory(t, where.blocks * device.blockSize, 200);
    const content = memory.bytes.slice();
    for (let index = 0; index < 8; index++) {
      const [part, place] = pageOf(device, where, index);
      const command = nvme.transfer('write', device, part, memory, place);
      const sqe = ring.passthrough({ fd: char.fd, command, userData: index });
      t.equal(ring.submit(), 1, `SQEs submitted of write ${index}`);
      new Uint8Array(sqe.buffer, sqe.byteOffset, sqe.byteLength).fill(0xff);
    }
    await delay(MOMENT_MS);
    t.same(
      ring.reap().map(({ res }) => res),
      [],
      'CQE res of writes that complete without a path',
    );
    hold.release();
    t.same(resultsByTag(await ring.wait(8)), allSucceeded(8), 'results of the writes by tag');
    t.bytes(onMedium(t, device, where), content, 'data on the medium');
  });

  test('a vectored write and a read to a registered buffer wait and succeed when a path returns', async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const { device, char, ring } = fixture;
    const hold = await holdPaths(t, fixture);
    const where = allocateSpan(device, device.blocksOf(4 * PAGE));
    const length = where.blocks * device.blockSize;
    const [registered, source] = [ioMemory(t, length), ioMemory(t, length, 210)];
    ring.registerBuffers([registered]);
    const list = t.use(iovecs([3, 1, 0, 2].map((page) => source.part(page * PAGE, PAGE))));
    const gathered = Buffer.concat(
      [3, 1, 0, 2].map((page) => source.bytes.slice(page * PAGE, (page + 1) * PAGE)),
    );
    const write = nvme.transfer('write', device, where, list);
    ring.passthrough({
      fd: char.fd,
      cmdOp: 'NVME_URING_CMD_IO_VEC',
      command: write,
      flags: ['IOSQE_IO_LINK'],
    });
    ring.passthrough({
      fd: char.fd,
      command: nvme.transfer('read', device, where, registered),
      bufIndex: 0,
      userData: 1,
    });
    ring.submit();
    await delay(MOMENT_MS);
    t.same(
      ring.reap().map(({ res }) => res),
      [],
      'CQE res of commands that complete without a path',
    );
    hold.release();
    t.same(
      (await ring.wait(2)).map(({ tag, res }) => [tag, res]),
      [
        [0, 0],
        [1, 0],
      ],
      'tag and CQE res of the write and of the read linked to it, in order of arrival',
    );
    t.bytes(registered.bytes, gathered, 'data read to the registered buffer');
  });

  test('reads that fail on the last usable path wait and succeed with their data when a path returns', async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const { device, ring } = fixture;
    const stranded = await strandSecond(t, fixture);
    const where = allocateSpan(device, COUNT * device.blocksOf(PAGE));
    const source = ioMemory(t, where.blocks * device.blockSize, 220);
    putOnMedium(t, device, where, source);
    const { lift } = await throttled(t, device, 4);
    const target = ioMemory(t, source.length);
    submitReads(fixture, where, target);
    await stranded.unplugFirst();
    await lift();
    await delay(MOMENT_MS);
    const early = ring.reap();
    t.ok(early.length < COUNT, `fewer than ${COUNT} reads complete before the controller is removed`);
    t.same(
      [...new Set(early.map(({ res }) => res))].filter((res) => res !== 0),
      [],
      'CQE res of reads that fail before a path returns',
    );
    stranded.release();
    const late = await ring.wait(COUNT - early.length);
    t.same(resultsByTag([...early, ...late]), allSucceeded(COUNT), 'results of the reads by tag');
    t.bytes(target.bytes, source.bytes, 'data read');
  });

  test('an invalid command without a usable path does not wait: EINVAL, ENOTTY', async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const { device, char, ring } = fixture;
    await holdPaths(t, fixture);
    const command = nvme.flush(device);
    const limit = { timeoutMs: 2000 };
    const otherNamespace = await ring.execute({ fd: char.fd, command: { ...command, nsid: 77 } }, limit);
    t.errno(otherNamespace, 'EINVAL', 'CQE res of a flush with nsid 77');
    const unknownCommand = await ring.execute({ fd: char.fd, command, cmdOp: 0 }, limit);
    t.errno(unknownCommand, 'ENOTTY', 'CQE res of a flush with cmd_op 0');
    const withFlags = await ring.execute({ fd: char.fd, command: { ...command, flags: 1 } }, limit);
    t.errno(withFlags, 'EINVAL', 'CQE res of a flush with command flags 1');
  });
});
