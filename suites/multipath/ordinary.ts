import { fillPattern, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { countCompletions } from './paths.ts';
import { allocateSpan, allSucceeded, onMedium, openFixture, resultsByTag, SHARED } from './setup.ts';

suite('no failure', { devices: [SHARED], class: 'contract' }, () => {
  test('a write through the head reads back equal through the head and through the block device', async (t) => {
    const { device, io } = await openFixture(t);
    const where = allocateSpan(device, device.atMost(64));
    const memory = ioMemory(t, where.blocks * device.blockSize, 10);
    const written = memory.bytes.slice();
    t.equal((await io('write', where, memory)).res, 0, 'CQE res of the write');
    t.bytes(onMedium(t, device, where), written, 'data on the medium');
    fillPattern(memory.bytes, 11);
    t.same((await io('read', where, memory)).big, [0n, 0n], 'extra words of the read CQE');
    t.bytes(memory.bytes, written, 'data read through the head');
  });

  test('each of 64 writes completes once, on one path', { class: 'safety' }, async (t) => {
    const { device, char, ring, paths } = await openFixture(t);
    const where = allocateSpan(device, 64);
    const memory = ioMemory(t, where.blocks * device.blockSize, 12);
    const counts = paths.map((path) => countCompletions(t, device, path));
    for (let index = 0; index < 64; index++) {
      const part = { lba: Number(where.lba) + index, blocks: 1 };
      const offset = index * device.blockSize;
      const command = nvme.transfer('write', device, part, memory, { offset });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    t.same(resultsByTag(await ring.complete()), allSucceeded(64), 'results of the writes by tag');
    const completed = counts.map((count) => count()).reduce((sum, count) => sum + count, 0);
    t.equal(completed, 64, 'completions on both paths together');
  });
});
