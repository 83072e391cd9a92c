import {
  ioMemory,
  openRing,
  pattern,
  resultName,
  suite,
  type Test,
  type TestRing,
  test,
} from '../lib/index.ts';
import { commandCount, Fixture, mappedFixture, NEEDS, PAGE } from './fixture.ts';

/** Clones all buffers of the ring with descriptor `sourceFd` into `ring`. Throws SyscallError. */
function cloneBuffers(t: Test, sourceFd: number, ring: TestRing): void {
  const argument = new DataView(new ArrayBuffer(t.uapi.size('io_uring_clone_buffers')));
  t.uapi.write(argument, 'io_uring_clone_buffers', { src_fd: sourceFd });
  ring.register(t.uapi.constant('IORING_REGISTER_CLONE_BUFFERS'), new Uint8Array(argument.buffer), 1);
}

/** Offset in the buffer, length and position on the device of requests that break the alignment rules of block devices, bytes. */
const MISALIGNED = [
  [0, 100, 0],
  [0, 513, 0],
  [PAGE - 100, 200, 0],
  [0, 2 * PAGE + 100, 0],
  [0, PAGE + 256, 0],
  [1, 2 * PAGE, 0],
  [4, 2 * PAGE, 0],
  [4, PAGE, 0],
  [512, 3 * PAGE + 8, 0],
  [0, 2 * PAGE, 100],
] as const;

/** The results of all misaligned reads and writes, as `read 0 8292 at 0: -EINVAL`. */
async function misalignedResults(fixture: Fixture): Promise<string[]> {
  const lines: string[] = [];
  for (const kind of ['read', 'write'] as const)
    for (const [offset, length, position] of MISALIGNED) {
      const { res } = await fixture.io({ kind, offset, length, position });
      lines.push(`${kind} ${offset} ${length} at ${position}: ${resultName(res)}`);
    }
  return lines;
}

suite('alignment, protection information and cloned buffers', { ...NEEDS, class: 'safety' }, () => {
  test('misaligned requests fail with EINVAL on a mapped buffer as on an unmapped one', async (t) => {
    const fixture = new Fixture(t, [ioMemory(t, 16 * PAGE, 2)]);
    const before = fixture.readMedium(0, 16 * PAGE);
    const unmapped = await misalignedResults(fixture);
    t.ok(
      unmapped.every((line) => line.endsWith(': -EINVAL')),
      `all misaligned requests end with -EINVAL: ${unmapped.join('; ')}`,
    );
    fixture.map();
    const used = fixture.evidence.counters?.used;
    t.same(await misalignedResults(fixture), unmapped, 'CQE res of misaligned requests on a mapped buffer');
    t.equal(
      fixture.evidence.counters?.used,
      used,
      'commands that used a mapping, with those of misaligned requests',
    );
    t.bytes(fixture.readMedium(0, 16 * PAGE), before, 'medium after the misaligned requests');
  });

  test('transfers on a namespace with protection information use the mapping and carry the right bytes', {
    devices: ['pi'],
  }, async (t) => {
    const memory = ioMemory(t, 16 * PAGE, 3);
    const fixture = new Fixture(t, [memory], { role: 'pi' });
    fixture.map();
    const position = 64 * PAGE;
    for (const [offset, length] of [
      [0, PAGE],
      [512, 3 * PAGE],
      [PAGE, 15 * PAGE],
    ] as const) {
      const shape = `${length} bytes at offset ${offset}`;
      const bytes = pattern(length, offset + length);
      memory.bytes.fill(0);
      memory.bytes.set(bytes, offset);
      const expected = memory.bytes.slice();
      const usage = fixture.usage();
      const write = await usage.count(() => fixture.io({ kind: 'write', offset, length, position }));
      t.equal(write.res, length, `CQE res of the write of ${shape}`);
      t.bytes(fixture.readMedium(position, length), bytes, `medium after the write of ${shape}`);
      memory.bytes.fill(0xee, offset, offset + length);
      const read = await usage.count(() => fixture.io({ kind: 'read', offset, length, position }));
      t.equal(read.res, length, `CQE res of the read of ${shape}`);
      t.bytes(memory.bytes, expected, `buffer after the read of ${shape}`);
      usage.expect(2 * commandCount(fixture.device, length), `transfers of ${shape}`);
    }
  });

  const CLONE = { uapi: ['IORING_REGISTER_CLONE_BUFFERS', ...NEEDS.uapi], class: 'choice' as const };
  test('cloning a mapped buffer fails with EBUSY, and so does mapping a cloned one', CLONE, async (t) => {
    const medium = pattern(PAGE, 4);
    const memory = ioMemory(t, PAGE);
    const fixture = mappedFixture(t, [memory], medium);
    const other = openRing(t, { shape: 'plain' });
    const clone = () => cloneBuffers(t, fixture.ring.fd, other);
    t.throws(clone, 'EBUSY', 'errno of cloning the mapped buffer');
    fixture.unmap();
    clone();
    t.throws(() => fixture.map(), 'EBUSY', 'errno of mapping the cloned buffer');
    other.register(t.uapi.constant('IORING_UNREGISTER_BUFFERS'), null, 0);
    fixture.map();
    const read = { kind: 'read' as const, length: PAGE, position: 0 };
    await fixture.onMapping(1, 'a read once the clone is unregistered', () => fixture.io(read), {
      always: true,
    });
    t.bytes(memory.bytes, medium, 'buffer after the read');
  });
});
