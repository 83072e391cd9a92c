import { fillPattern, ioMemory, nvme, suite, test } from '../lib/index.ts';
import {
  allocateSpan,
  allSucceeded,
  eachPathFaulty,
  failOnce,
  onMedium,
  openFixture,
  PAGE,
  pageOf,
  putOnMedium,
  resultsByTag,
  SHARED,
} from './setup.ts';

const { hostPathError } = nvme.Status;
/** Path related status: internal, ANA persistent loss, inaccessible, transition, controller, host, aborted by host. */
const PATH_ERRORS = [0x300, 0x301, 0x302, 0x303, 0x360, 0x370, 0x371];

suite('a path error', { devices: [SHARED], class: 'contract' }, () => {
  test('a read that fails with a path error succeeds on the other path', async (t) => {
    const fixture = await openFixture(t);
    const { device, io } = fixture;
    const where = allocateSpan(device, device.atMost(64));
    const source = ioMemory(t, where.blocks * device.blockSize, 20);
    putOnMedium(t, device, where, source);
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      const memory = ioMemory(t, source.length, 21);
      const cqe = await io('read', where, memory);
      t.equal(cqe.res, 0, `CQE res of the read while ${name} fails`);
      t.same(cqe.big, [0n, 0n], `extra words of the CQE while ${name} fails`);
      t.bytes(memory.bytes, source.bytes, `data read while ${name} fails`);
    });
  });

  test('a write that fails with a path error succeeds on the other path', async (t) => {
    const fixture = await openFixture(t);
    const { device, io } = fixture;
    const where = allocateSpan(device, device.atMost(64));
    const memory = ioMemory(t, where.blocks * device.blockSize);
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      fillPattern(memory.bytes, name.charCodeAt(4));
      t.equal((await io('write', where, memory)).res, 0, `CQE res of the write while ${name} fails`);
    });
    t.bytes(onMedium(t, device, where), memory.bytes, 'data on the medium');
  });

  test('a command succeeds on the other path after any path related status (3xxh)', async (t) => {
    const fixture = await openFixture(t);
    const { device, io } = fixture;
    const where = allocateSpan(device, device.atMost(8));
    const memory = ioMemory(t, where.blocks * device.blockSize, 40);
    const failures: string[] = [];
    for (const status of PATH_ERRORS)
      await eachPathFaulty(t, fixture, status, async () => {
        const { res } = await io('write', where, memory);
        if (res !== 0) failures.push(`0x${status.toString(16)}: ${res}`);
      });
    t.same(failures, [], 'injected statuses after which the write failed, with its CQE res');
  });

  test('a read that fails with a path error on each path once succeeds at the third attempt', async (t) => {
    const fixture = await openFixture(t);
    const { device, io } = fixture;
    const where = allocateSpan(device, device.atMost(16));
    const source = ioMemory(t, where.blocks * device.blockSize, 50);
    putOnMedium(t, device, where, source);
    const faults = failOnce(t, fixture, hostPathError);
    const memory = ioMemory(t, source.length);
    t.equal((await io('read', where, memory)).res, 0, 'CQE res of the read');
    t.same(
      faults.map(({ left }) => left),
      [0, 0],
      'faults left on each path',
    );
    t.bytes(memory.bytes, source.bytes, 'data read');
  });

  test('a flush and a write-zeroes command that fail with a path error succeed on the other path', async (t) => {
    const fixture = await openFixture(t);
    const { device, char, ring } = fixture;
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      const { res } = await ring.execute({ fd: char.fd, command: nvme.flush(device) });
      t.equal(res, 0, `CQE res of the flush while ${name} fails`);
    });
    const where = allocateSpan(device, device.atMost(8));
    putOnMedium(t, device, where, ioMemory(t, where.blocks * device.blockSize, 51));
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      const command = nvme.writeZeroes(device, where);
      const { res } = await ring.execute({ fd: char.fd, command });
      t.equal(res, 0, `CQE res of Write Zeroes while ${name} fails`);
    });
    const zeroes = new Uint8Array(where.blocks * device.blockSize);
    t.bytes(onMedium(t, device, where), zeroes, 'data on the medium after Write Zeroes');
  });

  test('64 reads that fail at once with a path error each complete once, on the other path', async (t) => {
    const fixture = await openFixture(t);
    const { device, char, ring } = fixture;
    const where = allocateSpan(device, 64 * device.blocksOf(PAGE));
    const source = ioMemory(t, where.blocks * device.blockSize, 60);
    putOnMedium(t, device, where, source);
    const target = ioMemory(t, source.length);
    await eachPathFaulty(t, fixture, hostPathError, async ({ name }) => {
      fillPattern(target.bytes, 61);
      for (let index = 0; index < 64; index++) {
        const [part, place] = pageOf(device, where, index);
        const command = nvme.transfer('read', device, part, target, place);
        ring.passthrough({ fd: char.fd, command, userData: index });
      }
      const cqes = await ring.complete();
      t.same(resultsByTag(cqes), allSucceeded(64), `results of the reads by tag while ${name} fails`);
      t.equal(ring.reap().length, 0, `CQEs beyond one for each read while ${name} fails`);
      t.bytes(target.bytes, source.bytes, `data read while ${name} fails`);
    });
  });
});
