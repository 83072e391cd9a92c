import { ioMemory, iovecs, pattern, suite, test, throttled } from '../lib/index.ts';
import { Fixture, mappedFixture, NEEDS, PAGE } from './fixture.ts';
import { assertPages, submitReads } from './inflight.ts';

const READ = { kind: 'read' as const, length: PAGE, position: 0 };

/** Puts `fd` in slot 0 of the file table; -1 empties the slot. */
function updateFile(fixture: Fixture, fd: number): void {
  const { uapi } = fixture.t;
  const fds = ioMemory(fixture.t, PAGE);
  fds.view.setInt32(0, fd, true);
  const update = new DataView(new ArrayBuffer(uapi.size('io_uring_files_update')));
  uapi.write(update, 'io_uring_files_update', { offset: 0, fds: fds.address });
  const bytes = new Uint8Array(update.buffer);
  fixture.ring.register(uapi.constant('IORING_REGISTER_FILES_UPDATE'), bytes, 1);
}

/** Puts other memory in both slots of the buffer table. */
function replaceBuffers(fixture: Fixture): void {
  const { t } = fixture;
  const list = iovecs([ioMemory(t, PAGE, 5), ioMemory(t, PAGE, 6)]);
  const update = new DataView(new ArrayBuffer(t.uapi.size('io_uring_rsrc_update2')));
  t.uapi.write(update, 'io_uring_rsrc_update2', { data: list.address, nr: 2 });
  const bytes = new Uint8Array(update.buffer);
  fixture.ring.register(t.uapi.constant('IORING_REGISTER_BUFFERS_UPDATE'), bytes, bytes.length);
  list.release();
}

/** Calls io_uring_register with an opcode that takes no argument. */
const register = (opcode: string) => (fixture: Fixture) =>
  void fixture.ring.register(fixture.t.uapi.constant(opcode), null, 0);

const ENDINGS: Record<string, (fixture: Fixture) => void> = {
  'it is unmapped': (fixture) => fixture.unmap(),
  'the buffers are replaced': replaceBuffers,
  'the file slot is emptied': (fixture) => updateFile(fixture, -1),
  'the file slot gets another file': (fixture) => updateFile(fixture, fixture.file.fd),
  'the files are unregistered': register('IORING_UNREGISTER_FILES'),
  'the buffers are unregistered': register('IORING_UNREGISTER_BUFFERS'),
  'the ring is closed': (fixture) => fixture.ring.close(),
};

suite('lifetime of mappings', NEEDS, () => {
  for (const [condition, end] of Object.entries(ENDINGS))
    test(`a mapping is released when ${condition}`, async (t) => {
      const fixture = new Fixture(t, [ioMemory(t, 16 * PAGE, 3), ioMemory(t, PAGE, 4)]);
      await fixture.untilMapped(0);
      fixture.map();
      t.equal(fixture.counters.bytes, 17 * PAGE, 'bytes mapped after mapping');
      const used = await fixture.mappedCommands(() => fixture.io(READ));
      t.equal(used, 1, 'commands of a read that used the mapping');
      end(fixture);
      await fixture.untilMapped(0);
      t.equal(fixture.counters.bytes, 0, `bytes mapped when ${condition}`);
    });

  test('unmapping with I/O in flight lets the I/O complete, and later requests do not use the mapping', async (t) => {
    const memory = ioMemory(t, 64 * PAGE, 8);
    const fixture = new Fixture(t, [memory]);
    const before = fixture.counters.bytes;
    const medium = pattern(64 * PAGE, 9);
    fixture.writeMedium(0, medium);
    fixture.map();
    const { lift } = await throttled(t, fixture.device, 20);
    t.equal(await submitReads(fixture, 32), 32, 'submitted commands that used the mapping');
    fixture.unmap();
    t.ok(fixture.counters.bytes > before, 'the memory stays mapped while I/O is in flight');
    const late = await fixture.mappedCommands(async () => {
      fixture.queue({ ...READ, offset: 40 * PAGE, userData: 32 });
      fixture.ring.submit();
    });
    t.equal(late, 0, 'commands of a read after unmapping that used the mapping');
    await lift();
    const cqes = await fixture.ring.wait(33, { timeoutMs: 20_000 });
    t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]), 'distinct CQE res of all reads');
    assertPages(t, memory, medium, Array(32).keys());
    const latePage = memory.bytes.subarray(40 * PAGE, 41 * PAGE);
    t.bytes(latePage, medium.subarray(0, PAGE), 'page of the read after unmapping');
    t.equal(fixture.counters.bytes, before, 'bytes mapped after the I/O');
    fixture.map();
    const remapped = await fixture.mappedCommands(() => fixture.io(READ));
    t.equal(remapped, 1, 'commands of a read that used the second mapping');
  });

  test('closing a ring with I/O in flight releases its mappings when the I/O has completed', async (t) => {
    const memory = ioMemory(t, 16 * PAGE, 16);
    const fixture = new Fixture(t, [memory]);
    await fixture.untilMapped(0);
    fixture.map();
    const { lift } = await throttled(t, fixture.device, 10);
    t.equal(await submitReads(fixture, 16), 16, 'submitted commands that used the mapping');
    fixture.ring.close();
    t.equal(fixture.counters.bytes, 16 * PAGE, 'bytes mapped after close() with I/O in flight');
    await lift();
    await fixture.untilMapped(0);
    t.equal(fixture.counters.bytes, 0, 'bytes mapped after the I/O');
  });

  test('merged requests use the mapping if their memory is contiguous too', async (t) => {
    const memory = ioMemory(t, 16 * PAGE);
    const medium = pattern(16 * PAGE, 14);
    const fixture = mappedFixture(t, [memory], medium);
    for (const [pages, least] of [
      [[0, 1, 2, 3, 4, 5, 6, 7], 1],
      [[7, 5, 3, 1, 6, 4, 2, 0], 0],
    ] as const) {
      const order = `reads to pages ${pages.join(' ')}`;
      memory.bytes.fill(0);
      const used = await fixture.mappedCommands(async () => {
        pages.forEach((page, index) => {
          fixture.queue({ ...READ, offset: page * PAGE, position: index * PAGE, userData: index });
        });
        const cqes = await fixture.ring.complete();
        t.same(new Set(cqes.map(({ res }) => res)), new Set([PAGE]), `distinct CQE res of ${order}`);
      });
      t.note(`${order}: ${used} commands used the mapping`);
      t.ok(used <= pages.length, `${order} take at most ${pages.length} commands on the mapping (${used})`);
      t.ok(used >= least, `${order} take at least ${least} commands on the mapping (${used})`);
      pages.forEach((page, index) => {
        t.bytes(
          memory.bytes.subarray(page * PAGE, (page + 1) * PAGE),
          medium.subarray(index * PAGE, (index + 1) * PAGE),
          `page ${page} of the buffer after ${order}`,
        );
      });
    }
  });

  test('a buffer mapped for two file slots stays mapped until it is unmapped for both', async (t) => {
    const fixture = new Fixture(t, [ioMemory(t, PAGE)]);
    const before = fixture.counters.bytes;
    register('IORING_UNREGISTER_FILES')(fixture);
    fixture.ring.registerFiles([fixture.file.fd, fixture.file.fd]);
    fixture.map({ fd: 0 });
    fixture.map({ fd: 1 });
    t.equal(fixture.counters.bytes - before, PAGE, 'bytes mapped for both slots');
    fixture.unmap({ fd: 0 });
    const shared = await fixture.mappedCommands(() => fixture.io({ ...READ, fd: 1 }));
    t.equal(shared, 1, 'commands through slot 1 that used the mapping after unmapping for slot 0');
    fixture.unmap({ fd: 1 });
    t.equal(fixture.counters.bytes, before, 'bytes mapped after unmapping for both slots');
    const unmapped = await fixture.mappedCommands(() => fixture.io({ ...READ, fd: 1 }));
    t.equal(unmapped, 0, 'commands through slot 1 that used the mapping after unmapping for both');
  });
});
