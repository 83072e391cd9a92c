import { ioMemory, iovecs, pattern, suite, test, throttled } from '../lib/index.ts';
import { eachPage, submitReads } from './inflight.ts';
import { Bench, mappedOver, NEEDS, PAGE } from './setup.ts';

const READ = { kind: 'read' as const, length: PAGE, position: 0 };

/** Updates slot 0 of the file table. */
function updateFile(bench: Bench, fd: number): void {
  const { uapi } = bench.t;
  const fds = ioMemory(bench.t, PAGE);
  fds.view.setInt32(0, fd, true);
  const update = new DataView(new ArrayBuffer(uapi.size('io_uring_files_update')));
  uapi.write(update, 'io_uring_files_update', { offset: 0, fds: fds.address });
  const bytes = new Uint8Array(update.buffer);
  bench.ring.register(uapi.constant('IORING_REGISTER_FILES_UPDATE'), bytes, 1);
}

/** Puts other memory into both slots of the buffer table. */
function replaceBuffers(bench: Bench): void {
  const { t } = bench;
  const list = iovecs([ioMemory(t, PAGE, 5), ioMemory(t, PAGE, 6)]);
  const update = new DataView(new ArrayBuffer(t.uapi.size('io_uring_rsrc_update2')));
  t.uapi.write(update, 'io_uring_rsrc_update2', { data: list.address, nr: 2 });
  const bytes = new Uint8Array(update.buffer);
  bench.ring.register(t.uapi.constant('IORING_REGISTER_BUFFERS_UPDATE'), bytes, bytes.length);
  list.release();
}

suite('how mappings end', NEEDS, () => {
  for (const [name, end] of [
    ['it is unmapped', (bench: Bench) => bench.unmap()],
    ['the buffers are replaced', replaceBuffers],
    ['the slot is emptied', (bench: Bench) => updateFile(bench, -1)],
    ['the slot gets another file', (bench: Bench) => updateFile(bench, bench.file.fd)],
    [
      'the files are unregistered',
      (bench: Bench) => void bench.ring.register(bench.t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0),
    ],
    [
      'the buffers are unregistered',
      (bench: Bench) => void bench.ring.register(bench.t.uapi.constant('IORING_UNREGISTER_BUFFERS'), null, 0),
    ],
    ['the ring is closed', (bench: Bench) => bench.ring.close()],
  ] as const)
    test(`a mapping ends when ${name}`, async (t) => {
      const bench = new Bench(t, [ioMemory(t, 16 * PAGE, 3), ioMemory(t, PAGE, 4)]);
      await bench.until(({ bytes }) => bytes === 0);
      bench.map();
      t.equal(bench.held.bytes, 17 * PAGE);
      t.equal(await bench.used(() => bench.io(READ)), 1);
      end(bench);
      await bench.until(({ bytes }) => bytes === 0);
      t.equal(bench.held.bytes, 0, 'all is given back');
    });

  test('unmapped with I/O in flight: it ends well, and what comes later is not mapped', async (t) => {
    const memory = ioMemory(t, 64 * PAGE, 8);
    const bench = new Bench(t, [memory]);
    const before = bench.held.bytes;
    // Every second page of the medium: what is next to each other would be merged.
    const medium = pattern(64 * PAGE, 9);
    bench.putOnMedium(0, medium);
    bench.map();
    const { lift } = await throttled(t, bench.device, 20);
    t.equal(await submitReads(bench, 32), 32);
    bench.unmap();
    t.ok(bench.held.bytes > before, 'held until the I/O has ended');
    t.equal(
      await bench.used(async () => {
        bench.queue({ ...READ, offset: 40 * PAGE, userData: 32 });
        bench.ring.submit();
      }),
      0,
      'a command that comes later',
    );
    await lift();
    const cqes = await bench.ring.wait(33, { timeoutMs: 20_000 });
    t.ok(
      cqes.every(({ res }) => res === PAGE),
      'all succeed',
    );
    eachPage(t, memory, medium, Array(32).keys());
    t.bytes(memory.bytes.subarray(40 * PAGE, 41 * PAGE), medium.subarray(0, PAGE));
    t.equal(bench.held.bytes, before, 'and then it is given back');
    bench.map();
    t.equal(await bench.used(() => bench.io(READ)), 1, 'mapped once more');
  });

  test('a ring closed with I/O in flight gives back what it held when the I/O has ended', async (t) => {
    const memory = ioMemory(t, 16 * PAGE, 16);
    const bench = new Bench(t, [memory]);
    await bench.until(({ bytes }) => bytes === 0);
    bench.map();
    const { lift } = await throttled(t, bench.device, 10);
    t.equal(await submitReads(bench, 16), 16);
    bench.ring.close();
    t.equal(bench.held.bytes, 16 * PAGE, 'held until then');
    await lift();
    await bench.until(({ bytes }) => bytes === 0);
    t.equal(bench.held.bytes, 0);
  });

  test('requests that are merged use the mapping if their memory is next to each other too', async (t) => {
    const memory = ioMemory(t, 16 * PAGE);
    const medium = pattern(16 * PAGE, 14);
    const bench = mappedOver(t, [memory], medium);
    for (const [order, least] of [
      [[0, 1, 2, 3, 4, 5, 6, 7], 1],
      [[7, 5, 3, 1, 6, 4, 2, 0], 0],
    ] as const) {
      memory.bytes.fill(0);
      const used = await bench.used(async () => {
        order.forEach((at, index) => {
          bench.queue({ ...READ, offset: at * PAGE, position: index * PAGE, userData: index });
        });
        const cqes = await bench.ring.complete();
        t.ok(
          cqes.every(({ res }) => res === PAGE),
          'all succeed',
        );
      });
      t.note(`${order.join(' ')}: ${used} commands used the mapping`);
      t.ok(used <= order.length, 'no more commands than requests');
      t.ok(used >= least, 'neighbours use the mapping');
      order.forEach((at, index) => {
        t.bytes(
          memory.bytes.subarray(at * PAGE, (at + 1) * PAGE),
          medium.subarray(index * PAGE, (index + 1) * PAGE),
          `page ${at}`,
        );
      });
    }
  });

  test('a buffer is mapped for two slots: the mapping lasts as long as one of them', async (t) => {
    const bench = new Bench(t, [ioMemory(t, PAGE)]);
    const before = bench.held.bytes;
    bench.ring.register(t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
    bench.ring.registerFiles([bench.file.fd, bench.file.fd]);
    bench.map({ fd: 0 });
    bench.map({ fd: 1 });
    t.equal(bench.held.bytes - before, PAGE, 'one mapping for both');
    bench.unmap({ fd: 0 });
    t.equal(await bench.used(() => bench.io({ ...READ, fd: 1 })), 1);
    bench.unmap({ fd: 1 });
    t.equal(bench.held.bytes, before);
    t.equal(await bench.used(() => bench.io({ ...READ, fd: 1 })), 0);
  });
});
