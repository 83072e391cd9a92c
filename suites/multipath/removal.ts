import { fillPattern, ioMemory, nvme, suite, test, throttled, until } from '../lib/index.ts';
import { useOnePath } from './policy.ts';
import {
  allocateSpan,
  allSucceeded,
  onMedium,
  openFixture,
  PAGE,
  pageOf,
  putOnMedium,
  resultsByTag,
  SHARED,
  submitReads,
} from './setup.ts';
import { unplugged } from './unplug.ts';

const COUNT = 32;

/**
 * Operations a second of the drive while a controller is unplugged: far from enough to complete what is in flight. QEMU completes
 * it all at the removal, but the last completions are lost with the controller. They must be of the controller that is unplugged,
 * or a kernel without failover passes by chance: hence `useOnePath`.
 */
const IOPS = 1;

suite('an unplugged controller', { devices: [SHARED], class: 'contract' }, () => {
  test('reads in flight on a controller that is unplugged succeed on the other path', async (t) => {
    const fixture = await openFixture(t);
    const { device, ring, paths } = fixture;
    const used = useOnePath(t, device, paths);
    const where = allocateSpan(device, COUNT * device.blocksOf(PAGE));
    const source = ioMemory(t, where.blocks * device.blockSize, 500);
    putOnMedium(t, device, where, source);
    const target = ioMemory(t, source.length, 501);
    const { lift } = await throttled(t, device, IOPS);
    submitReads(fixture, where, target);
    await unplugged(t, device, used);
    await lift();
    const cqes = await ring.wait(COUNT, { timeoutMs: 20_000 });
    t.same(resultsByTag(cqes), allSucceeded(COUNT), 'results of the reads by tag');
    t.bytes(target.bytes, source.bytes, 'data read');
  });

  test('writes in flight on a controller that is unplugged succeed on the other path', async (t) => {
    const { device, char, ring, paths } = await openFixture(t);
    const used = useOnePath(t, device, paths);
    const where = allocateSpan(device, COUNT * device.blocksOf(PAGE));
    const memory = ioMemory(t, where.blocks * device.blockSize);
    fillPattern(memory.bytes, 510);
    const { lift } = await throttled(t, device, IOPS);
    for (let index = 0; index < COUNT; index++) {
      const [part, place] = pageOf(device, where, index);
      const command = nvme.transfer('write', device, part, memory, place);
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    ring.submit();
    await unplugged(t, device, used);
    await lift();
    const cqes = await ring.wait(COUNT, { timeoutMs: 20_000 });
    t.same(resultsByTag(cqes), allSucceeded(COUNT), 'results of the writes by tag');
    t.bytes(onMedium(t, device, where), memory.bytes, 'data on the medium');
  });

  test('reads in flight on the last path fail with EIO when its controller is unplugged', {
    class: 'objection',
  }, async (t) => {
    const fixture = await openFixture(t);
    const { char, device, ring, paths } = fixture;
    await throttled(t, device, IOPS);
    const blocks = COUNT * device.blocksOf(PAGE);
    const target = ioMemory(t, blocks * device.blockSize);
    await unplugged(t, device, paths[0]);
    submitReads(fixture, { lba: 0, blocks }, target);
    await unplugged(t, device, paths[1]);
    t.defer(() => {
      // Runs before the replugs: an open file would keep the old head, and the new one would get another number.
      ring.close();
      char.close();
    });
    await until('both controllers are removed', () => device.controllers.length === 0);
    const cqes = await ring.wait(COUNT, { timeoutMs: 20_000 });
    const succeeded = cqes.filter(({ res }) => res === 0).length;
    // QEMU completes the reads that it has begun, most of them before the controller is gone, but never all.
    t.ok(succeeded < COUNT, `fewer than ${COUNT} reads succeed: ${succeeded}`);
    for (const cqe of cqes) if (cqe.res !== 0) t.errno(cqe, 'EIO', `CQE res of read ${cqe.tag}`);
    const late = await ring.execute({ fd: char.fd, command: nvme.flush(device) });
    t.errno(late, 'EIO', 'CQE res of a flush after the removal');
  });
});
