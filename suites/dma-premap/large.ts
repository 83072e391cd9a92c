import { readFileSync, writeFileSync } from 'node:fs';
import { Memory, pattern, suite, type Test, test } from '../lib/index.ts';
import { mappedFixture, NEEDS, PAGE } from './fixture.ts';

const KIB = 1024;

/** Fills the pool of 2 MiB pages until the test's end. */
function reserveHugePages(t: Test, count: number): void {
  const pool = '/proc/sys/vm/nr_hugepages';
  writeFileSync(pool, `${count}`);
  t.defer(() => writeFileSync(pool, '0'));
  t.equal(Number(readFileSync(pool, 'utf8')), count, 'huge pages in the pool');
}

suite('large buffers', { ...NEEDS, class: 'safety' }, () => {
  for (const kind of ['private', 'transparent', 'hugetlb'] as const)
    test(`transfers of a buffer of ${kind} memory with several PRP list pages carry the right bytes`, async (t) => {
      // With swiotlb at most 4 MiB can be mapped (nvme.premap_bounce_kb).
      const size = t.lab.cell.facts.swiotlb ? 4096 * KIB : 8192 * KIB;
      if (kind === 'hugetlb') reserveHugePages(t, size / (2 << 20));
      const memory = t.use(new Memory(size, kind));
      memory.bytes.set(pattern(size, 41));
      const medium = pattern(768 * KIB, 42);
      const fixture = mappedFixture(t, [memory], medium);
      const image = memory.bytes.slice();
      const usage = fixture.usage();
      for (const middle of [0, 512, 1024, 2048, 3072, size / KIB].map((at) => at * KIB))
        for (const length of [PAGE, 64 * KIB + fixture.device.blockSize, 512 * KIB, 768 * KIB]) {
          const offset = Math.max(0, Math.min(size - length, middle - length / 2 - ((length / 2) % 512)));
          const shape = `${length} bytes at offset ${offset}`;
          image.set(medium.subarray(0, length), offset);
          const read = await usage.count(() => fixture.io({ kind: 'read', offset, length, position: 0 }));
          t.equal(read.res, length, `CQE res of the read of ${shape}`);
          t.bytes(memory.bytes, image, `buffer after the read of ${shape}`);
          const write = await usage.count(() =>
            fixture.io({ kind: 'write', offset, length, position: 1024 * KIB }),
          );
          t.equal(write.res, length, `CQE res of the write of ${shape}`);
          const written = image.subarray(offset, offset + length);
          t.bytes(fixture.readMedium(1024 * KIB, length), written, `medium after the write of ${shape}`);
        }
      // Commands whose last page begins a PRP list page of its own take the ordinary path.
      usage.expect({ least: 6 * 4 * 2 }, '48 requests', { ordinary: 12 });
    });
});
