import { ioMemory, pattern, suite, test, throttled } from '../lib/index.ts';
import { IN_FLIGHT } from './endings.ts';
import { Fixture, mappedFixture, NEEDS, PAGE } from './fixture.ts';
import { assertPages, setPool, submitReads } from './inflight.ts';

suite('mappings that end before their I/O', { ...NEEDS, class: 'safety' }, () => {
  for (const [condition, end] of Object.entries(IN_FLIGHT))
    test(`reads in flight complete with their data when ${condition}, and then the mapping is released`, async (t) => {
      const memory = ioMemory(t, 16 * PAGE, 18);
      const fixture = new Fixture(t, [memory, ioMemory(t, PAGE, 19)]);
      const medium = pattern(32 * PAGE, 20);
      fixture.writeMedium(0, medium);
      fixture.map({ end: 1 });
      const { lift } = await throttled(t, fixture.device, 20);
      await submitReads(fixture, 16);
      end(fixture);
      fixture.evidence.expectMapped(16 * PAGE, 'bytes mapped with I/O in flight');
      await lift();
      const cqes = await fixture.ring.wait(16, { timeoutMs: 20_000 });
      t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]), 'distinct CQE res of the reads');
      assertPages(t, memory, medium, Array(16).keys());
      await fixture.evidence.untilReleased();
    });

  // Their bios name the mapping, but the driver has not seen them when it is unmapped.
  test('reads that wait for a free request when their buffer is unmapped complete with their data', async (t) => {
    const count = 32;
    const memory = ioMemory(t, count * PAGE, 21);
    const medium = pattern(2 * count * PAGE, 22);
    const fixture = mappedFixture(t, [memory], medium);
    setPool(t, fixture.device, 4);
    const { lift } = await throttled(t, fixture.device, 20);
    for (let page = 0; page < count; page++)
      fixture.queue({
        ...{ kind: 'read', length: PAGE, offset: page * PAGE, position: 2 * page * PAGE, userData: page },
        flags: ['IOSQE_ASYNC'],
      });
    fixture.ring.submit();
    const first = await fixture.ring.wait(1);
    fixture.unmap();
    await lift();
    const cqes = [...first, ...(await fixture.ring.wait(count - 1, { timeoutMs: 20_000 }))];
    t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]), 'distinct CQE res of the reads');
    assertPages(t, memory, medium, Array(count).keys());
    await fixture.evidence.untilReleased();
  });
});
