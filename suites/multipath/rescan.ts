import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { InjectedFault, ioMemory, nvme, openRing, suite, test, throttled } from '../lib/index.ts';
import { useOnePath, usePolicy } from './policy.ts';
import { openFixture, resultsByTag, SHARED } from './setup.ts';
import { REFUSED, refusedRead } from './tags.ts';

const READS = 8;
/** Long enough for a scan of the namespaces to begin freezing a queue. */
const MOMENT_MS = 500;
/** A third of the time after which the driver looks for lost completions (nvme_core.io_timeout). */
const NO_TIMEOUT_MS = 10_000;

suite('a rescan and polled commands', {
  devices: [SHARED],
  facts: { pollQueues: true },
  class: 'safety',
}, () => {
  test('a retry on a path that freezes for a rescan completes without a timeout on an IOPOLL ring', {
    timeoutMs: 60_000,
  }, async (t) => {
    const fixture = await openFixture(t);
    const { device, char, paths } = fixture;
    const used = useOnePath(t, device, paths);
    const other = used === paths[0] ? paths[1] : paths[0];
    const ring = openRing(t, { flags: ['IORING_SETUP_IOPOLL'] });
    const memory = ioMemory(t, device.blockSize);
    const { lift } = await throttled(t, device, 1);
    // Half of the reads go to each path, and stay in flight since nothing polls for them.
    usePolicy(t, 'round-robin');
    const read = nvme.transfer('read', device, { lba: 0, blocks: 1 }, memory);
    for (let tag = 0; tag < READS; tag++) ring.passthrough({ fd: char.fd, command: read, userData: tag });
    t.equal(ring.submit(), READS, 'SQEs submitted of reads');
    usePolicy(t, 'numa');

    writeFileSync(`/sys/class/nvme/${other.name}/rescan_controller`, '1');
    await delay(MOMENT_MS);
    t.use(new InjectedFault(device.pathName(used), { status: nvme.Status.hostPathError, times: 1000 }));
    const started = performance.now();
    ring.passthrough({ fd: char.fd, command: refusedRead(fixture, memory), userData: READS });
    t.equal(ring.submit(), 1, 'SQEs submitted of the read that is retried');
    const [cqes] = await Promise.all([
      ring.wait(READS + 1, { timeoutMs: 45_000 }),
      delay(MOMENT_MS).then(lift),
    ]);
    const elapsed = Math.round(performance.now() - started);
    const expected = Array.from({ length: READS + 1 }, (_, tag) => [tag, tag < READS ? 0 : REFUSED]);
    t.same(resultsByTag(cqes), expected as [number, number][], 'results of the reads by tag');
    t.ok(elapsed < NO_TIMEOUT_MS, `all reads complete within ${NO_TIMEOUT_MS} ms (${elapsed} ms)`);
  });
});
