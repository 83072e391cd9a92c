import { setTimeout as delay } from 'node:timers/promises';
import {
  ioMemory,
  nvme,
  openRing,
  pipe,
  startChild,
  suite,
  type Test,
  test,
  throttled,
  until,
} from '../lib/index.ts';
import { holdPaths, strandSecond } from './hold.ts';
import {
  allocateSpan,
  type Fixture,
  onMedium,
  openFixture,
  PAGE,
  pageOf,
  submitReads,
  WITH_METADATA,
} from './setup.ts';

const COUNT = 16;
/** Long enough for a command that does not wait to complete. */
const MOMENT_MS = 300;

function reads(t: Test, { device, char }: Fixture) {
  const memory = ioMemory(t, COUNT * PAGE);
  return Array.from({ length: COUNT }, (_, index) => {
    const [part, place] = pageOf(device, { lba: 0 }, index);
    return { fd: char.fd, command: nvme.transfer('read', device, part, memory, place), userData: index };
  });
}

/** Submits reads and checks that they wait. */
async function submitWaiting(t: Test, fixture: Fixture): Promise<void> {
  for (const read of reads(t, fixture)) fixture.ring.passthrough(read);
  t.equal(fixture.ring.submit(), COUNT, 'SQEs submitted');
  await delay(MOMENT_MS);
  t.same(
    fixture.ring.reap().map(({ res }) => res),
    [],
    'CQE res of reads that complete without a path',
  );
}

/** Checks that the head still takes a write. */
async function checkWrite(t: Test, fixture: Fixture): Promise<void> {
  const where = allocateSpan(fixture.device, 8);
  const memory = ioMemory(t, where.blocks * fixture.device.blockSize, 300);
  t.equal((await fixture.io('write', where, memory)).res, 0, 'CQE res of a write afterwards');
  t.bytes(onMedium(t, fixture.device, where), memory.bytes, 'data of a write afterwards');
}

suite('the end of waiting', { devices: [WITH_METADATA], class: 'safety' }, () => {
  test('closing a ring cancels its reads that have waited for a path since submission, and the ring is freed', async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const { writer, closeWriter, released } = pipe(t);
    const hold = await holdPaths(t, fixture);
    const other = { ...fixture, ring: openRing(t) };
    other.ring.registerFiles([writer]);
    await submitWaiting(t, other);
    closeWriter();
    t.ok(!released(), 'the ring holds its registered file until it is closed');
    other.ring.close();
    await until('the ring is freed', released, 5000);
    hold.release();
    await checkWrite(t, fixture);
  });

  test('closing a ring cancels its reads that wait for a path after a path error, and the ring is freed', async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const { writer, closeWriter, released } = pipe(t);
    const stranded = await strandSecond(t, fixture);
    const other = { ...fixture, ring: openRing(t) };
    other.ring.registerFiles([writer]);
    const { lift } = await throttled(t, fixture.device, 4);
    const blocks = COUNT * fixture.device.blocksOf(PAGE);
    submitReads(other, { lba: 0, blocks }, ioMemory(t, COUNT * PAGE));
    await stranded.unplugFirst();
    await lift();
    await delay(MOMENT_MS);
    const early = other.ring.reap().length;
    t.ok(early < COUNT, `fewer than ${COUNT} reads complete before the controller is removed`);
    closeWriter();
    t.ok(!released(), 'the ring holds its registered file until it is closed');
    other.ring.close();
    await until('the ring is freed', released, 5000);
    stranded.release();
    await checkWrite(t, fixture);
  });

  test('killing a process cancels its reads that wait for a path, and the process exits', async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const hold = await holdPaths(t, fixture);
    const child = startChild(t, { commands: reads(t, fixture) });
    t.equal(await child.submitted(), COUNT, 'SQEs that the child submitted');
    await delay(MOMENT_MS);
    child.kill();
    t.same(await child.wait(5000), { signal: 9 }, 'exit status of the child');
    hold.release();
    await checkWrite(t, fixture);
  });

  test('reads that wait for a path fail with EIO when the last path is removed', {
    class: 'objection',
  }, async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const hold = await holdPaths(t, fixture);
    await submitWaiting(t, fixture);
    hold.detachSecond();
    for (const cqe of await fixture.ring.wait(COUNT)) {
      t.errno(cqe, 'EIO', `CQE res of read ${cqe.tag}`);
      t.same(cqe.big, [0n, 0n], `extra words of the CQE of read ${cqe.tag}`);
    }
    const late = await fixture.ring.execute({ fd: fixture.char.fd, command: nvme.flush(fixture.device) });
    t.errno(late, 'EIO', 'CQE res of a flush after the removal');
  });

  test('a read on an IOPOLL ring without a usable path does not wait: EIO', {
    class: 'choice',
  }, async (t) => {
    const fixture = await openFixture(t, WITH_METADATA);
    const hold = await holdPaths(t, fixture);
    const polled = openRing(t, { flags: ['IORING_SETUP_IOPOLL'] });
    const [read] = reads(t, fixture);
    if (!read) throw new Error('no command');
    t.errno(await polled.execute(read, { timeoutMs: 3000 }), 'EIO', 'CQE res of the read');
    polled.close();
    hold.release();
    await checkWrite(t, fixture);
  });
});
