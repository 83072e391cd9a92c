import { readFileSync, writeFileSync } from 'node:fs';
import {
  type Cqe,
  ioMemory,
  openRing,
  pipe,
  suite,
  type Test,
  type TestRing,
  test,
  until,
} from '../lib/index.ts';
import { type Fixture, openFixture, SHARED } from './setup.ts';
import { type ExhaustedPath, exhaustOtherPath, REFUSED, refusedRead } from './tags.ts';

/** A ring that sleeps for a tag sleeps for most of a second at least: the throttled drive completes one read a second. */
const AT_ONCE_MS = 500;
/** Tag of the NOPs; the reads have 1 and more. */
const NOP = 0;
/** More than io_uring has workers on two CPUs, so that some retries wait for a worker. */
const MANY = 32;
const PATIENCE = { timeoutMs: 20_000 };

/** Submits reads, tagged from 1, which fail on the used path and find no tag on the other. Waits until they have failed. */
async function submitRetried(
  t: Test,
  { fixture, path, ring }: { fixture: Fixture; path: ExhaustedPath; ring: TestRing },
  count: number,
): Promise<void> {
  const { blockSize } = fixture.device;
  const memory = ioMemory(t, count * blockSize);
  for (let index = 0; index < count; index++) {
    const command = refusedRead(fixture, memory, index * blockSize);
    ring.passthrough({ fd: fixture.char.fd, command, userData: index + 1 });
  }
  const before = path.failures();
  t.equal(ring.submit(), count, 'SQEs submitted of reads that are retried');
  const getEvents = t.uapi.constant('IORING_ENTER_GETEVENTS');
  const failed = () => {
    // On an IOPOLL ring only this finds what has failed; on one with deferred task work only this starts the retry.
    ring.enter(0, 0, getEvents);
    return path.failures() >= before + count;
  };
  await until(`${count} reads have failed on the used path`, failed, PATIENCE.timeoutMs);
}

/** Submits a NOP and waits for it. Returns the completions that came before it. */
async function completeNop(ring: TestRing): Promise<Cqe[]> {
  ring.sqe({ opcode: 'IORING_OP_NOP', userData: NOP });
  ring.submit();
  const earlier: Cqe[] = [];
  for (;;) {
    const [cqe] = await ring.wait(1, PATIENCE);
    if (cqe?.tag === NOP) return earlier;
    if (cqe) earlier.push(cqe);
  }
}

/** Pages that are pinned at user addresses (FOLL_PIN), by the kernel's counters. */
function pinnedPages(): number {
  // The counters of the CPUs are added up once a second, or at this write.
  writeFileSync('/proc/sys/vm/stat_refresh', '1');
  const counters = readFileSync('/proc/vmstat', 'utf8');
  const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(counters)?.[1]);
  return value('nr_foll_pin_acquired') - value('nr_foll_pin_released');
}

suite('retries on a path without free tags', { devices: [SHARED], class: 'safety' }, () => {
  for (const [name, flags] of [
    ['a ring', []],
    ['a ring with deferred task work', ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN']],
    ['an IOPOLL ring', ['IORING_SETUP_IOPOLL']],
  ] as const) {
    test(`a retry that finds no free tag does not delay a NOP on ${name}, and is executed later`, {
      timeoutMs: 60_000,
    }, async (t) => {
      const fixture = await openFixture(t);
      const ring = openRing(t, { flags });
      const path = await exhaustOtherPath(t, fixture);
      const started = performance.now();
      await submitRetried(t, { fixture, path, ring }, 1);
      const earlier = await completeNop(ring);
      const elapsed = Math.round(performance.now() - started);
      t.ok(
        elapsed < AT_ONCE_MS,
        `the NOP completes within ${AT_ONCE_MS} ms of the submission of the read before it (${elapsed} ms)`,
      );
      t.same(
        earlier.map(({ res }) => res),
        [],
        'CQE res of the read while no tag is free',
      );
      await path.release();
      const [retried] = await ring.wait(1);
      t.same([retried?.tag, retried?.res], [1, REFUSED], 'tag and CQE res of the retried read');
    });
  }

  test('retries that find no free tag all complete when tags become free, more of them than workers and tags', {
    timeoutMs: 60_000,
  }, async (t) => {
    const fixture = await openFixture(t);
    const ring = openRing(t);
    const path = await exhaustOtherPath(t, fixture);
    await submitRetried(t, { fixture, path, ring }, MANY);
    await path.release();
    const cqes = await ring.wait(MANY, PATIENCE);
    t.same([...new Set(cqes.map(({ res }) => res))], [REFUSED], 'CQE res of the retried reads');
    t.equal(new Set(cqes.map(({ tag }) => tag)).size, MANY, 'different tags of the retried reads');
  });

  test('retries that wait for a worker are cancelled with their ring, which is freed and leaves no page pinned', {
    timeoutMs: 60_000,
  }, async (t) => {
    const fixture = await openFixture(t);
    const { writer, closeWriter, released } = pipe(t);
    const pinned = pinnedPages();
    const ring = openRing(t);
    ring.registerFiles([writer]);
    closeWriter();
    const path = await exhaustOtherPath(t, fixture);
    await submitRetried(t, { fixture, path, ring }, MANY);
    const earlier = await completeNop(ring);
    t.ok(
      earlier.length < MANY / 2,
      `most retries wait when the ring is closed (${earlier.length} have completed)`,
    );
    ring.close();
    await path.release();
    await until('the ring is freed', released, 10_000);
    t.equal(pinnedPages(), pinned, 'pinned pages after the ring is freed');
  });
});
