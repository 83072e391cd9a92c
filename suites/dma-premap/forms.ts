import { ioMemory, openRing, pattern, suite, type Test, test } from '../lib/index.ts';
import { Bench, commandsOf, mappedOver, NEEDS, PAGE } from './setup.ts';

/** Takes over all buffers of another ring. Throws SyscallError. */
function clone(t: Test, from: number, ring: ReturnType<typeof openRing>): void {
  const argument = new DataView(new ArrayBuffer(t.uapi.size('io_uring_clone_buffers')));
  t.uapi.write(argument, 'io_uring_clone_buffers', { src_fd: from });
  ring.register(t.uapi.constant('IORING_REGISTER_CLONE_BUFFERS'), new Uint8Array(argument.buffer), 1);
}

suite('beside other forms of I/O', NEEDS, () => {
  test('what no block device takes is refused as without a mapping', async (t) => {
    const bench = new Bench(t, [ioMemory(t, 16 * PAGE, 2)]);
    const before = bench.onMedium(0, 16 * PAGE);
    const all = async () => {
      const seen: string[] = [];
      for (const kind of ['read', 'write'] as const)
        for (const [offset, length, position] of [
          [0, 2 * PAGE + 100, 0],
          [0, PAGE + 256, 0],
          [1, 2 * PAGE, 0],
          [4, 2 * PAGE, 0],
          [4, PAGE, 0],
          [512, 3 * PAGE + 8, 0],
          [0, 2 * PAGE, 100],
        ] as const)
          seen.push(
            `${kind} ${offset} ${length}: ${(await bench.io({ kind, offset, length, position })).res}`,
          );
      return seen;
    };
    const unmapped = await all();
    t.ok(
      unmapped.every((line) => line.endsWith(': -22')),
      unmapped.join('; '),
    );
    bench.map();
    const used = await bench.used(async () => t.same(await all(), unmapped));
    t.equal(used, 0, 'nothing was sent to the device');
    t.bytes(bench.onMedium(0, 16 * PAGE), before);
  });

  test('a namespace with metadata and protection', { devices: ['pi'] }, async (t) => {
    const memory = ioMemory(t, 16 * PAGE, 3);
    const bench = new Bench(t, [memory], { role: 'pi' });
    bench.map();
    for (const [offset, length] of [
      [0, PAGE],
      [512, 3 * PAGE],
      [PAGE, 15 * PAGE],
    ] as const) {
      const bytes = pattern(length, offset + length);
      memory.bytes.fill(0);
      memory.bytes.set(bytes, offset);
      const should = memory.bytes.slice();
      const used = await bench.used(async () => {
        t.equal((await bench.io({ kind: 'write', offset, length, position: 64 * PAGE })).res, length);
        t.bytes(bench.onMedium(64 * PAGE, length), bytes, `${length} bytes from ${offset}`);
        memory.bytes.fill(0xee, offset, offset + length);
        t.equal((await bench.io({ kind: 'read', offset, length, position: 64 * PAGE })).res, length);
      });
      t.bytes(memory.bytes, should, `${length} bytes to ${offset}`);
      t.equal(used, 2 * commandsOf(bench.device, length));
    }
  });

  const CLONE = { uapi: ['IORING_REGISTER_CLONE_BUFFERS', ...NEEDS.uapi] };
  test(
    'what is mapped is not shared with another ring, nor what is shared mapped: EBUSY',
    CLONE,
    async (t) => {
      const medium = pattern(PAGE, 4);
      const memory = ioMemory(t, PAGE);
      const bench = mappedOver(t, [memory], medium);
      const other = openRing(t, { shape: 'plain' });
      t.throws(() => clone(t, bench.ring.fd, other), 'EBUSY', 'mapped');
      bench.unmap();
      clone(t, bench.ring.fd, other);
      t.throws(() => bench.map(), 'EBUSY', 'shared');
      other.register(t.uapi.constant('IORING_UNREGISTER_BUFFERS'), null, 0);
      bench.map();
      t.equal(await bench.used(() => bench.io({ kind: 'read', length: PAGE, position: 0 })), 1);
      t.bytes(memory.bytes, medium);
    },
  );
});
