import { ioMemory, pattern, suite, test, throttled } from '../lib/index.ts';
import { ENDINGS, register } from './endings.ts';
import { Fixture, mappedFixture, NEEDS, PAGE } from './fixture.ts';
import { assertPages, submitReads } from './inflight.ts';

const READ = { kind: 'read' as const, length: PAGE, position: 0 };

suite('lifetime of mappings', { ...NEEDS, class: 'contract' }, () => {
  for (const [condition, end] of Object.entries(ENDINGS))
    test(`a mapping is released when ${condition}`, async (t) => {
      const fixture = new Fixture(t, [ioMemory(t, 16 * PAGE, 3), ioMemory(t, PAGE, 4)]);
      fixture.map();
      fixture.evidence.expectMapped(17 * PAGE, 'bytes mapped after mapping');
      await fixture.onMapping(1, 'a read', () => fixture.io(READ));
      end(fixture);
      await fixture.evidence.untilReleased();
    });

  // The end of a mapping must not copy bounce buffers back: they hold what the last I/O left there.
  for (const [condition, end] of Object.entries(ENDINGS))
    test(`memory keeps what the CPU has written to it since the last I/O when ${condition}`, {
      class: 'safety',
    }, async (t) => {
      const memory = ioMemory(t, 16 * PAGE, 3);
      const fixture = new Fixture(t, [memory, ioMemory(t, PAGE, 4)]);
      fixture.map();
      const { length } = memory;
      t.equal((await fixture.io({ ...READ, length })).res, length, 'CQE res of the read');
      const written = pattern(length, 23);
      memory.bytes.set(written);
      end(fixture);
      await fixture.evidence.untilReleased();
      t.bytes(memory.bytes, written, 'memory after the end of its mapping');
    });

  test('unmapping with I/O in flight lets the I/O complete, and later requests do not use the mapping', {
    class: 'safety',
  }, async (t) => {
    const memory = ioMemory(t, 64 * PAGE, 8);
    const fixture = new Fixture(t, [memory]);
    const medium = pattern(64 * PAGE, 9);
    fixture.writeMedium(0, medium);
    fixture.map();
    const { lift } = await throttled(t, fixture.device, 20);
    await submitReads(fixture, 32);
    fixture.unmap();
    fixture.evidence.expectMapped(64 * PAGE, 'bytes mapped after unmapping with I/O in flight');
    await fixture.offMapping('a read after unmapping', () => {
      fixture.queue({ ...READ, offset: 40 * PAGE, userData: 32 });
      fixture.ring.submit();
    });
    await lift();
    const cqes = await fixture.ring.wait(33, { timeoutMs: 20_000 });
    t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]), 'distinct CQE res of all reads');
    assertPages(t, memory, medium, Array(32).keys());
    const latePage = memory.bytes.subarray(40 * PAGE, 41 * PAGE);
    t.bytes(latePage, medium.subarray(0, PAGE), 'page of the read after unmapping');
    await fixture.evidence.untilReleased();
    fixture.map();
    await fixture.onMapping(1, 'a read on the second mapping', () => fixture.io(READ));
  });

  test('closing a ring with I/O in flight releases its mappings when the I/O has completed', async (t) => {
    const memory = ioMemory(t, 16 * PAGE, 16);
    const fixture = new Fixture(t, [memory]);
    fixture.map();
    const { lift } = await throttled(t, fixture.device, 10);
    await submitReads(fixture, 16);
    fixture.ring.close();
    fixture.evidence.expectMapped(16 * PAGE, 'bytes mapped after close() with I/O in flight');
    await lift();
    await fixture.evidence.untilReleased();
  });

  test('merged requests use the mapping if their memory is contiguous too', {
    class: 'safety',
  }, async (t) => {
    const memory = ioMemory(t, 16 * PAGE);
    const medium = pattern(16 * PAGE, 14);
    const fixture = mappedFixture(t, [memory], medium);
    for (const [pages, least] of [
      [[0, 1, 2, 3, 4, 5, 6, 7], 1],
      [[7, 5, 3, 1, 6, 4, 2, 0], 0],
    ] as const) {
      const order = `reads to pages ${pages.join(' ')}`;
      memory.bytes.fill(0);
      const usage = fixture.usage();
      const cqes = await usage.count(() => {
        pages.forEach((page, index) => {
          fixture.queue({ ...READ, offset: page * PAGE, position: index * PAGE, userData: index });
        });
        return fixture.ring.complete();
      });
      t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]), `distinct CQE res of ${order}`);
      // Memory that is not contiguous may take the ordinary path.
      const ordinary = least === 0 ? pages.length : 0;
      usage.expect({ least, most: pages.length }, order, { ordinary });
      pages.forEach((page, index) => {
        t.bytes(
          memory.bytes.subarray(page * PAGE, (page + 1) * PAGE),
          medium.subarray(index * PAGE, (index + 1) * PAGE),
          `page ${page} of the buffer after ${order}`,
        );
      });
    }
  });

  test('a buffer mapped for two file slots stays mapped until it is unmapped for both', {
    class: 'choice',
  }, async (t) => {
    const fixture = new Fixture(t, [ioMemory(t, PAGE)]);
    register('IORING_UNREGISTER_FILES')(fixture);
    fixture.ring.registerFiles([fixture.file.fd, fixture.file.fd]);
    fixture.map({ fd: 0 });
    fixture.map({ fd: 1 });
    fixture.evidence.expectMapped(PAGE, 'bytes mapped for both slots');
    fixture.unmap({ fd: 0 });
    const read = () => fixture.io({ ...READ, fd: 1 });
    await fixture.onMapping(1, 'a read through slot 1 after unmapping for slot 0', read, { always: true });
    fixture.unmap({ fd: 1 });
    fixture.evidence.expectMapped(0, 'bytes mapped after unmapping for both slots');
    await fixture.offMapping('a read through slot 1 after unmapping for both', read);
  });
});
