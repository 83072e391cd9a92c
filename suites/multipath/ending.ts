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
import { area, type Bench, onMedium, setUp, submitReads, WITH_METADATA } from './setup.ts';

const COUNT = 16;
/** Long enough for a command that does not wait to come back. */
const MOMENT_MS = 300;

function reads(t: Test, { device, char }: Bench) {
  const memory = ioMemory(t, COUNT * 4096);
  return Array.from({ length: COUNT }, (_, index) => ({
    fd: char.fd,
    command: nvme.transfer('read', device, { lba: 8 * index, blocks: 8 }, memory, { offset: index * 4096 }),
    userData: index,
  }));
}

/** Submits reads that have to wait. */
async function submitWaiting(t: Test, bench: Bench): Promise<void> {
  for (const read of reads(t, bench)) bench.ring.passthrough(read);
  t.equal(bench.ring.submit(), COUNT);
  await delay(MOMENT_MS);
  t.same(
    bench.ring.reap().map(({ res }) => res),
    [],
    'completions while there is no path',
  );
}

/** The head does what it is told. */
async function works(t: Test, bench: Bench): Promise<void> {
  const where = area(bench.device, 8);
  const memory = ioMemory(t, where.blocks * bench.device.blockSize, 300);
  t.equal((await bench.io('write', where, memory)).res, 0, 'a write afterwards');
  t.bytes(onMedium(t, bench.device, where), memory.bytes, 'a write afterwards');
}

suite('the end of waiting', { devices: [WITH_METADATA] }, () => {
  test('a ring that is closed takes its waiting commands with it', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const { writer, closeWriter, released } = pipe(t);
    const hold = await holdPaths(t, bench);
    const other = { ...bench, ring: openRing(t) };
    other.ring.registerFiles([writer]);
    await submitWaiting(t, other);
    closeWriter();
    t.ok(!released(), 'the ring has let go of its files already');
    other.ring.close();
    await until('the ring freed, its commands cancelled', released, 5000);
    hold.release();
    await works(t, bench);
  });

  test('a ring that is closed takes commands with it that wait after a failure', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const { writer, closeWriter, released } = pipe(t);
    const stranded = await strandSecond(t, bench);
    const other = { ...bench, ring: openRing(t) };
    other.ring.registerFiles([writer]);
    const { lift } = await throttled(t, bench.device, 4);
    submitReads(other, { lba: 0, blocks: COUNT * 8 }, ioMemory(t, COUNT * 4096));
    await stranded.pullFirst();
    await lift();
    await delay(MOMENT_MS);
    t.ok(other.ring.reap().length < COUNT, 'all were done before the controller was gone');
    closeWriter();
    t.ok(!released(), 'the ring has let go of its files already');
    other.ring.close();
    await until('the ring freed, its commands cancelled', released, 5000);
    stranded.release();
    await works(t, bench);
  });

  test('a process that is killed takes its waiting commands with it', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const hold = await holdPaths(t, bench);
    const victim = startChild(t, { commands: reads(t, bench) });
    t.equal(await victim.submitted(), COUNT);
    await delay(MOMENT_MS);
    victim.kill();
    t.same(await victim.wait(5000), { signal: 9 });
    hold.release();
    await works(t, bench);
  });

  test('commands that wait fail with EIO when the last path is gone', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const hold = await holdPaths(t, bench);
    await submitWaiting(t, bench);
    hold.giveUp();
    const cqes = await bench.ring.wait(COUNT);
    for (const cqe of cqes) {
      t.errno(cqe, 'EIO');
      t.same(cqe.big, [0n, 0n], 'extra words');
    }
    const late = await bench.ring.execute({ fd: bench.char.fd, command: nvme.flush(bench.device) });
    t.errno(late, 'EIO', 'a command that comes later');
  });

  test('a ring that polls does not wait: EIO', async (t) => {
    const bench = await setUp(t, WITH_METADATA);
    const hold = await holdPaths(t, bench);
    const polling = { ...bench, ring: openRing(t, { flags: ['IORING_SETUP_IOPOLL'] }) };
    const [read] = reads(t, bench);
    if (!read) throw new Error('no command');
    t.errno(await polling.ring.execute(read, { timeoutMs: 3000 }), 'EIO');
    polling.ring.close();
    hold.release();
    await works(t, bench);
  });
});
