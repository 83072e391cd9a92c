import { fillPattern, ioMemory, nvme, suite, test } from '../lib/index.ts';
import { countCompletions } from './paths.ts';
import { area, onMedium, SHARED, setUp } from './setup.ts';

suite('nothing fails', { devices: [SHARED] }, () => {
  test('the head writes and reads back, and the block device agrees', async (t) => {
    const { device, io } = await setUp(t);
    const where = area(device, 64);
    const memory = ioMemory(t, where.blocks * device.blockSize, 10);
    const written = memory.bytes.slice();
    t.equal((await io('write', where, memory)).res, 0);
    t.bytes(onMedium(t, device, where), written, 'on the medium');
    fillPattern(memory.bytes, 11);
    t.same({ ...(await io('read', where, memory)), flags: 0 }.big, [0n, 0n], 'extra words');
    t.bytes(memory.bytes, written, 'read back');
  });

  test('each command goes to one path, once', async (t) => {
    const { device, char, ring, paths } = await setUp(t);
    const where = area(device, 64);
    const memory = ioMemory(t, where.blocks * device.blockSize, 12);
    const counts = paths.map((path) => countCompletions(t, device, path));
    for (let index = 0; index < 64; index++) {
      const part = { lba: Number(where.lba) + index, blocks: 1 };
      const offset = index * device.blockSize;
      const command = nvme.transfer('write', device, part, memory, { offset });
      ring.passthrough({ fd: char.fd, command, userData: index });
    }
    t.same(
      (await ring.complete()).map(({ res, tag }) => [tag, res]),
      Array.from({ length: 64 }, (_, index) => [index, 0]),
    );
    const completed = counts.map((count) => count()).reduce((sum, count) => sum + count, 0);
    t.equal(completed, 64, 'completions on both paths together');
  });
});
