import { constants } from 'node:fs';
import { File, ioMemory, suite, test, unprivileged } from '../lib/index.ts';
import { DIRECT, Fixture, NEEDS, PAGE } from './fixture.ts';
import { assertRefused, errnoOf } from './refusal.ts';

const READ = { kind: 'read' as const, length: PAGE, position: 0 };

suite('calls that fail', { ...NEEDS, class: 'contract' }, () => {
  test('mapping and unmapping with invalid arguments fail with EINVAL and map nothing', (t) => {
    const fixture = new Fixture(t, [ioMemory(t, PAGE), ioMemory(t, PAGE)]);
    for (const [fault, range] of [
      ['flags', { flags: 1 }],
      ['a reserved field', { rsvd: 1n }],
      ['a negative start', { start: -1 }],
      ['a negative end', { end: -1 }],
      ['an empty range', { start: 1, end: 1 }],
      ['an end before the start', { start: 1, end: 0 }],
      ['a start beyond the buffer table', { start: 2, end: 3 }],
      ['a slot beyond the file table', { fd: 1 }],
      ['a negative slot', { fd: -1 }],
    ] as const) {
      t.throws(() => fixture.map(range), 'EINVAL', `errno of mapping with ${fault}`);
      t.throws(() => fixture.unmap(range), 'EINVAL', `errno of unmapping with ${fault}`);
    }
    fixture.evidence.expectMapped(0, 'bytes mapped after the failed calls');
  });

  test('mapping and unmapping without CAP_SYS_ADMIN fail with EPERM', (t) => {
    const fixture = new Fixture(t, [ioMemory(t, PAGE)]);
    fixture.map();
    t.throws(() => unprivileged(() => fixture.map()), 'EPERM', 'errno of mapping without CAP_SYS_ADMIN');
    t.throws(() => unprivileged(() => fixture.unmap()), 'EPERM', 'errno of unmapping without CAP_SYS_ADMIN');
    const both = errnoOf(() => unprivileged(() => fixture.map({ flags: 1 })));
    t.choice(both, 'EPERM', 'errno of mapping with invalid flags and without CAP_SYS_ADMIN');
    t.ok(
      both === 'EPERM' || both === 'EINVAL',
      `mapping with both faults fails with EPERM or EINVAL: ${both}`,
    );
    fixture.evidence.expectMapped(PAGE, 'bytes mapped after the failed calls');
  });

  test('a range that exceeds the buffer table is mapped up to the end of the table', async (t) => {
    const fixture = new Fixture(t, [ioMemory(t, PAGE), ioMemory(t, 2 * PAGE)]);
    fixture.map({ start: 1, end: 1000 });
    fixture.evidence.expectMapped(2 * PAGE, 'bytes mapped: the second buffer');
    await fixture.onMapping(1, 'a read to the second buffer', () => fixture.io({ ...READ, buffer: 1 }));
    await fixture.offMapping('a read to the first buffer', () => fixture.io(READ));
  });

  test('mapping for an empty file slot fails with EBADF', (t) => {
    const fixture = new Fixture(t, [ioMemory(t, PAGE)]);
    fixture.ring.register(t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
    fixture.ring.registerFiles([fixture.file.fd, -1]);
    t.throws(() => fixture.map({ fd: 1 }), 'EBADF', 'errno of mapping for the empty slot');
    const unmapped = errnoOf(() => fixture.unmap({ fd: 1 }));
    t.choice(unmapped, 'EBADF', 'errno of unmapping for the empty slot');
  });

  test('mapping a mapped buffer fails with EBUSY and undoes the other mappings of the call', async (t) => {
    const fixture = new Fixture(t, [ioMemory(t, PAGE), ioMemory(t, PAGE), ioMemory(t, PAGE)]);
    fixture.map({ start: 2, end: 3 });
    t.throws(() => fixture.map(), 'EBUSY', 'errno of mapping all while the third buffer is mapped');
    fixture.evidence.expectMapped(PAGE, 'bytes mapped after the failed call: the third buffer');
    for (const buffer of [0, 1])
      await fixture.offMapping(`a read to buffer ${buffer}`, () => fixture.io({ ...READ, buffer }));
    // The proposal does not say whether what the call found mapped stays so: it unmaps what it has mapped itself.
    await fixture.onMapping(1, 'a read to buffer 2', () => fixture.io({ ...READ, buffer: 2 }));
    fixture.unmap({ start: 2, end: 3 });
    t.choice(
      errnoOf(() => fixture.unmap()),
      'ENXIO',
      'errno of unmapping when nothing is mapped',
    );
    fixture.map();
    fixture.evidence.expectMapped(3 * PAGE, 'bytes mapped after mapping all');
  });

  test('mapping for a file other than an O_DIRECT block device fails, and I/O still succeeds', {
    class: 'objection',
  }, async (t) => {
    const fixture = new Fixture(t, [ioMemory(t, PAGE, 5)]);
    const files = [
      t.use(new File(fixture.device.block, constants.O_RDWR)),
      t.use(new File('/dev/zero', DIRECT & ~constants.O_DIRECT)),
      t.use(new File('/root/file', constants.O_RDWR | constants.O_CREAT)),
      t.use(new File(fixture.device.char, constants.O_RDWR)),
    ];
    fixture.ring.register(t.uapi.constant('IORING_UNREGISTER_FILES'), null, 0);
    fixture.ring.registerFiles([fixture.file.fd, ...files.map(({ fd }) => fd)]);
    // The proposal names the errno for the first one: a block device without O_DIRECT.
    t.throws(
      () => fixture.map({ fd: 1 }),
      'EOPNOTSUPP',
      `errno of mapping for ${files[0]?.path} without O_DIRECT`,
    );
    for (const [index, { path }] of files.entries()) assertRefused(fixture, index + 1, path);
    const write = { kind: 'write' as const, length: PAGE, position: 0 };
    t.equal((await fixture.io({ ...write, fd: 3 })).res, PAGE, 'CQE res of the write to /root/file');
    t.equal((await fixture.io(write)).res, PAGE, 'CQE res of the write to the block device');
  });

  test('mapping an empty buffer slot fails with EFAULT', { class: 'choice' }, (t) => {
    const fixture = new Fixture(t, [ioMemory(t, PAGE)]);
    const { ring } = fixture;
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
    t.throws(() => fixture.map({ end: 2 }), 'EFAULT', 'errno of mapping two empty slots');
  });

  // 4 MiB of bounce buffers (nvme.premap_bounce_kb). No guest has enough memory for the other limit, nvme.premap_mb (1 GiB).
  const bouncing = { facts: { swiotlb: true }, class: 'choice' as const };
  test(
    'mapping more than nvme.premap_bounce_kb fails with ENOBUFS, and I/O succeeds unmapped',
    bouncing,
    async (t) => {
      const buffers = Array.from({ length: 3 }, (_, index) => ioMemory(t, 2 << 20, index));
      const fixture = new Fixture(t, buffers);
      t.throws(() => fixture.map(), 'ENOBUFS', 'errno of mapping 6 MiB');
      fixture.evidence.expectMapped(0, 'bytes mapped after the failed call');
      fixture.map({ end: 2 });
      const read = (buffer: number) => () => fixture.io({ ...READ, buffer });
      const off = await fixture.offMapping('a read to buffer 2', read(2));
      const on = await fixture.onMapping(1, 'a read to buffer 1', read(1), { always: true });
      t.same([off.res, on.res], [PAGE, PAGE], 'CQE res of the reads to buffers 2 and 1');
    },
  );
});
