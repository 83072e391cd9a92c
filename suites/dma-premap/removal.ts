import { existsSync } from 'node:fs';
import {
  Device,
  detached,
  ioMemory,
  mapRange,
  pattern,
  resultName,
  SkipError,
  startChild,
  suite,
  type Test,
  test,
  throttled,
  until,
} from '../lib/index.ts';
import { Fixture, mappedFixture, NEEDS, PAGE } from './fixture.ts';
import { assertPages, submitReads } from './inflight.ts';
import { errnoOf } from './refusal.ts';

/** Reads in flight when the device or the process goes away. */
const COUNT = 16;
const PAGES = Array.from({ length: COUNT }, (_, page) => page);
const READ = { kind: 'read' as const, length: PAGE };

/** Asserts that the device works and that a new mapping of it is used. */
async function assertMappable(t: Test, medium: Uint8Array): Promise<void> {
  const memory = ioMemory(t, PAGE);
  const fixture = mappedFixture(t, [memory], medium);
  await fixture.onMapping(1, 'a read on the new mapping', () => fixture.io({ ...READ, position: 0 }));
  t.bytes(memory.bytes, medium.subarray(0, PAGE), 'buffer after a read on the new mapping');
}

/** Waits until the device is back, under its old name or a new one. Throws Error on a timeout. */
const untilBack = (t: Test) =>
  until('the device is back', () => {
    try {
      const device = new Device(t.device('data').info);
      return existsSync(device.block) && device.controllers.every((each) => each.state() === 'live');
    } catch (error) {
      if (error instanceof SkipError) return false;
      throw error;
    }
  });

suite('removal and exit', { ...NEEDS, class: 'safety' }, () => {
  test('unbinding the driver with I/O in flight completes the I/O and ends the mapping', async (t) => {
    const memory = ioMemory(t, COUNT * PAGE);
    const medium = pattern(2 * COUNT * PAGE, 14);
    const fixture = new Fixture(t, [memory, ioMemory(t, PAGE)]);
    fixture.writeMedium(0, medium);
    fixture.map({ end: 1 });
    await throttled(t, fixture.device, 40);
    await submitReads(fixture, COUNT);
    const { comeBack } = detached(fixture.controller);
    const cqes = await fixture.ring.wait(COUNT, { timeoutMs: 20_000 });
    t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]), 'distinct CQE res of the reads in flight');
    assertPages(t, memory, medium, PAGES);
    t.choice(
      errnoOf(() => fixture.map({ start: 1 })),
      'ENODEV',
      'errno of mapping for the unbound device',
    );
    const late = await fixture.io({ ...READ, position: 0 });
    t.note(`read of the unbound device: ${resultName(late.res)}`);
    t.ok(late.res <= 0, `a read of the unbound device transfers nothing (CQE res ${late.res})`);
    // The ring's references to the mapping are put after the device has gone.
    t.choice(
      errnoOf(() => fixture.unmap()),
      'no error',
      'errno of unmapping for the unbound device',
    );
    fixture.ring.close();
    fixture.file.close();
    comeBack();
    await untilBack(t);
    await assertMappable(t, medium);
  });

  const canUnplug = { facts: { hotplug: true } };
  test(
    'I/O in flight when a controller is unplugged completes with its data or fails with EIO',
    canUnplug,
    async (t) => {
      const memory = ioMemory(t, COUNT * PAGE, 9);
      const medium = pattern(2 * COUNT * PAGE, 15);
      const fixture = mappedFixture(t, [memory], medium);
      const { id } = fixture.controller;
      const { lift } = await throttled(t, fixture.device, 10);
      await submitReads(fixture, COUNT);
      await t.lab.host.unplug(id, { abrupt: true });
      const cqes = await fixture.ring.wait(COUNT, { timeoutMs: 20_000 });
      await lift();
      const shown = cqes.map(({ res }) => resultName(res)).join(' ');
      const eio = -t.uapi.constant('EIO');
      t.ok(
        cqes.every(({ res }) => res === PAGE || res === eio),
        `each read in flight ends with ${PAGE} or -EIO: ${shown}`,
      );
      const completed = cqes.filter(({ res }) => res === PAGE).map(({ tag }) => tag);
      t.note(`${completed.length} of ${COUNT} reads completed before the removal`);
      assertPages(t, memory, medium, completed);
      t.choice(
        errnoOf(() => fixture.unmap()),
        'no error',
        'errno of unmapping for the unplugged device',
      );
      fixture.ring.close();
      fixture.file.close();
      await t.lab.host.replug(id);
      await untilBack(t);
      await assertMappable(t, medium);
    },
  );

  test('killing a process with I/O in flight releases its mappings when the I/O has completed', async (t) => {
    const fixture = new Fixture(t, []);
    const memory = ioMemory(t, COUNT * PAGE, 17);
    const { lift } = await throttled(t, fixture.device, 10);
    const usedBefore = fixture.evidence.counters?.used;
    const victim = startChild(t, {
      shape: 'plain',
      buffers: [memory],
      keep: [fixture.file.fd],
      registrations: [
        {
          ...{ opcode: 'IORING_REGISTER_FILES', count: 1 },
          argument: new Uint8Array(Int32Array.of(fixture.file.fd).buffer),
        },
        { opcode: 'IORING_REGISTER_MAP_BUFFERS', count: 1, argument: mapRange(t.uapi, { end: 1 }) },
      ],
      commands: PAGES.map((page) => ({
        ...{ opcode: 'IORING_OP_READ_FIXED', fd: 0, flags: ['IOSQE_FIXED_FILE'], len: PAGE },
        ...{ addr: memory.part(page * PAGE, PAGE).address, off: 2 * page * PAGE, bufIndex: 0 },
      })),
    });
    t.equal(await victim.submitted(), COUNT, 'SQEs that the child submitted');
    fixture.evidence.expectMapped(memory.length, 'bytes mapped by the child');
    const { counters } = fixture.evidence;
    if (counters && usedBefore !== undefined)
      t.equal(counters.used - usedBefore, COUNT, 'commands of the child that used the mapping');
    victim.kill();
    t.same(await victim.wait(), { signal: 9 }, 'ending of the child');
    await lift();
    await fixture.evidence.untilReleased();
    await assertMappable(t, pattern(PAGE, 18));
  });
});
