import { File, ioMemory, pattern, suite, test } from '../lib/index.ts';
import { commandCount, DIRECT, Fixture, NEEDS, PAGE } from './fixture.ts';
import { errnoOf } from './refusal.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

suite('what a mapping is for', { ...NEEDS, class: 'contract' }, () => {
  for (const kind of ['read', 'write'] as const)
    test(`a ${kind} of a mapped buffer makes no DMA mapping calls, and one of an unmapped buffer does`, async (t) => {
      const fixture = new Fixture(t, [ioMemory(t, 64 * KIB, 1), ioMemory(t, 64 * KIB, 2)]);
      fixture.map({ end: 1 });
      for (const length of [4, 16, 64].map((kib) => kib * KIB)) {
        const what = `a ${kind} of ${length / KIB} KiB`;
        const transfer = { kind, length, position: 0 };
        const commands = commandCount(fixture.device, length);
        const io = (buffer: number) => () => fixture.io({ ...transfer, buffer });
        const unmapped = await fixture.offMapping(`${what} of an unmapped buffer`, io(1));
        const mapped = await fixture.onMapping(commands, what, io(0), { always: true });
        t.same([unmapped.res, mapped.res], [length, length], `CQE res of ${what}, unmapped and mapped`);
      }
    });
});

suite('bounce buffers', { ...NEEDS, class: 'objection', facts: { swiotlb: true } }, () => {
  test('however much is mapped, I/O of other memory succeeds', async (t) => {
    // More than the bounce buffers of the guest, 64 MiB.
    const buffers = Array.from({ length: 40 }, () => ioMemory(t, 2 * MIB));
    const fixture = new Fixture(t, buffers);
    const results = buffers.map((_buffer, start) => errnoOf(() => fixture.map({ start, end: start + 1 })));
    const mapped = results.filter((result) => result === 'no error').length;
    t.note(
      `${mapped} of ${buffers.length} buffers of 2 MiB were mapped; then ${results[mapped] ?? 'no error'}`,
    );
    t.ok(mapped > 0, `buffers can be mapped (${mapped})`);
    const data = pattern(256 * KIB, 3);
    fixture.writeMedium(0, data);
    t.bytes(fixture.readMedium(0, data.length), data, 'medium after I/O of memory that is not registered');
    for (const buffer of [0, mapped - 1, buffers.length - 1]) {
      const { res } = await fixture.io({ kind: 'read', buffer, length: 64 * KIB, position: 0 });
      t.equal(res, 64 * KIB, `CQE res of a read to buffer ${buffer}`);
    }
    using file = new File(fixture.device.block, DIRECT);
    const other = ioMemory(t, PAGE);
    t.equal(file.read(other.bytes, 0), PAGE, 'bytes read through another file');
  });
});
