import { constants } from 'node:fs';
import { File, held, ioMemory, suite, test } from '../lib/index.ts';
import { Bench, DIRECT, NEEDS, PAGE } from './setup.ts';

suite('what is refused', NEEDS, () => {
  test('arguments that make no sense: EINVAL, and nothing is mapped', (t) => {
    const bench = new Bench(t, [ioMemory(t, PAGE), ioMemory(t, PAGE)]);
    const before = bench.held.bytes;
    for (const [what, range] of [
      ['flags', { flags: 1 }],
      ['a reserved field', { rsvd: 1n }],
      ['a negative start', { start: -1 }],
      ['a negative end', { end: -1 }],
      ['an empty range', { start: 1, end: 1 }],
      ['a range backwards', { start: 1, end: 0 }],
      ['a start past the table', { start: 2, end: 3 }],
      ['a slot past the table', { fd: 1 }],
      ['a negative slot', { fd: -1 }],
    ] as const) {
      t.throws(() => bench.map(range), 'EINVAL', `map with ${what}`);
      t.throws(() => bench.unmap(range), 'EINVAL', `unmap with ${what}`);
    }
    t.equal(bench.held.bytes, before);
  });

  test('without CAP_SYS_ADMIN: EPERM, before anything else is looked at', (t) => {
    const bench = new Bench(t, [ioMemory(t, PAGE)]);
    bench.map();
    const asNobody = (call: () => unknown) => {
      process.seteuid?.(65534);
      try {
        t.throws(call, 'EPERM');
      } finally {
        process.seteuid?.(0);
      }
    };
    asNobody(() => bench.map());
    asNobody(() => bench.map({ flags: 1 }));
    asNobody(() => bench.unmap());
    t.equal(bench.held.bytes, PAGE, 'what was mapped before is');
  });

  test('a range past the table ends with it', async (t) => {
    const bench = new Bench(t, [ioMemory(t, PAGE), ioMemory(t, 2 * PAGE)]);
    const before = bench.held.bytes;
    bench.map({ start: 1, end: 1000 });
    t.equal(bench.held.bytes - before, 2 * PAGE, 'only the second buffer');
    const used = await bench.used(() => bench.io({ kind: 'read', buffer: 1, length: PAGE, position: 0 }));
    t.equal(used, 1);
    t.equal(await bench.used(() => bench.io({ kind: 'read', length: PAGE, position: 0 })), 0, 'the first');
  });

  test('an empty slot: EBADF', (t) => {
    const bench = new Bench(t, [ioMemory(t, PAGE)]);
    bench.ring.register(t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
    bench.ring.registerFiles([bench.file.fd, -1]);
    t.throws(() => bench.map({ fd: 1 }), 'EBADF');
    t.throws(() => bench.unmap({ fd: 1 }), 'EBADF');
  });

  test('mapped already: EBUSY, and what the call had mapped is undone', async (t) => {
    const bench = new Bench(t, [ioMemory(t, PAGE), ioMemory(t, PAGE), ioMemory(t, PAGE)]);
    const before = bench.held.bytes;
    bench.map({ start: 2, end: 3 });
    t.throws(() => bench.map(), 'EBUSY', 'the third is mapped');
    t.equal(bench.held.bytes - before, PAGE, 'the first two are not mapped any more');
    for (const buffer of [0, 1]) {
      const used = await bench.used(() => bench.io({ kind: 'read', buffer, length: PAGE, position: 0 }));
      t.equal(used, 0, `buffer ${buffer}`);
    }
    t.equal(await bench.used(() => bench.io({ kind: 'read', buffer: 2, length: PAGE, position: 0 })), 1);
    bench.unmap({ start: 2, end: 3 });
    t.throws(() => bench.unmap(), 'ENXIO', 'nothing is mapped');
    bench.map();
    t.equal(bench.held.bytes - before, 3 * PAGE);
  });

  test('files that have no DMA of their own: EOPNOTSUPP, and I/O goes on', async (t) => {
    const bench = new Bench(t, [ioMemory(t, PAGE, 5)]);
    const files = [
      t.use(new File(bench.device.block, constants.O_RDWR)),
      t.use(new File('/dev/zero', DIRECT & ~constants.O_DIRECT)),
      t.use(new File('/root/file', constants.O_RDWR | constants.O_CREAT)),
      t.use(new File(bench.device.char, constants.O_RDWR)),
    ];
    bench.ring.register(t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
    bench.ring.registerFiles([bench.file.fd, ...files.map(({ fd }) => fd)]);
    files.forEach(({ path }, index) => {
      t.throws(() => bench.map({ fd: index + 1 }), 'EOPNOTSUPP', path);
    });
    const write = { kind: 'write' as const, length: PAGE, position: 0 };
    t.equal(await bench.used(() => bench.io({ ...write, fd: 3 })), 0);
    t.equal((await bench.io({ ...write, fd: 3 })).res, PAGE, 'the file takes it');
    t.equal((await bench.io(write)).res, PAGE, 'so does the device');
  });

  test('an empty place of the buffer table: EFAULT', (t) => {
    const bench = new Bench(t, [ioMemory(t, PAGE)]);
    const { ring } = bench;
    ring.register(t.uapi.constant('IORING_UNREGISTER_BUFFERS'), null, 0);
    const sparse = new DataView(new ArrayBuffer(t.uapi.size('io_uring_rsrc_register')));
    t.uapi.write(sparse, 'io_uring_rsrc_register', {
      nr: 2,
      flags: t.uapi.constant('IORING_RSRC_REGISTER_SPARSE'),
    });
    ring.register(
      t.uapi.constant('IORING_REGISTER_BUFFERS2'),
      new Uint8Array(sparse.buffer),
      sparse.byteLength,
    );
    t.throws(() => bench.map({ end: 2 }), 'EFAULT');
  });

  // 4 MiB of bounce buffers (nvme.premap_bounce_kb). No guest has the gigabyte to fill the other limit.
  const bouncing = { facts: { swiotlb: true } };
  test('more than the limit: ENOBUFS, and I/O goes on unmapped', bouncing, async (t) => {
    const buffers = Array.from({ length: 3 }, (_, index) => ioMemory(t, 2 << 20, index));
    const bench = new Bench(t, buffers);
    const before = held(bench.device);
    t.throws(() => bench.map(), 'ENOBUFS');
    t.equal(bench.held.bytes, before.bytes, 'what the call had mapped is undone');
    bench.map({ end: 2 });
    const read = { kind: 'read' as const, length: PAGE, position: 0 };
    t.equal(await bench.used(() => bench.io({ ...read, buffer: 2 })), 0);
    t.equal(await bench.used(() => bench.io({ ...read, buffer: 1 })), 1);
  });
});
