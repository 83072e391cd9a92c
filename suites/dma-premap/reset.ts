import { ioMemory, pattern, suite, test, throttled } from '../lib/index.ts';
import { commandCount, mappedFixture, NEEDS, PAGE } from './fixture.ts';
import { assertPages, submitReads } from './inflight.ts';

/** Reads in flight at the reset. */
const COUNT = 16;
const READ = { kind: 'read' as const, length: PAGE };

suite('controller reset', { ...NEEDS, class: 'contract' }, () => {
  test('mappings survive a controller reset', async (t) => {
    const memory = ioMemory(t, COUNT * PAGE);
    const medium = pattern(COUNT * PAGE, 12);
    const fixture = mappedFixture(t, [memory], medium);
    fixture.controller.reset();
    await fixture.evidence.untilQuiet();
    const { length } = memory;
    const read = await fixture.onMapping(commandCount(fixture.device, length), 'a read after the reset', () =>
      fixture.io({ ...READ, length, position: 0 }),
    );
    t.equal(read.res, length, 'CQE res of the read after the reset');
    t.bytes(memory.bytes, medium, 'buffer after the read');
  });

  test('I/O in flight at a controller reset is issued again and succeeds on its mapping', async (t) => {
    const memory = ioMemory(t, COUNT * PAGE);
    const medium = pattern(2 * COUNT * PAGE, 13);
    const fixture = mappedFixture(t, [memory], medium);
    const { lift } = await throttled(t, fixture.device, 10);
    await submitReads(fixture, COUNT);
    fixture.controller.reset();
    await lift();
    const cqes = await fixture.ring.wait(COUNT, { timeoutMs: 20_000 });
    t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]), 'distinct CQE res of the reads in flight');
    assertPages(t, memory, medium, Array(COUNT).keys());
    await fixture.onMapping(1, 'a later read', () => fixture.io({ ...READ, position: 0 }));
  });
});
