import { ioMemory, numbers, pattern, suite, test } from '../lib/index.ts';
import { Fixture, NEEDS, type Transfer } from './fixture.ts';

/** Alignment of the transfers in their buffers, bytes. */
const SKEW = 512;
/** The medium is written and compared in strips of this many bytes. */
const STRIP = 1 << 20;
/** Part of the medium that transfers use, bytes. */
const SPAN = 8 * STRIP;

suite('load', { ...NEEDS, class: 'safety' }, () => {
  for (const depth of [1, 8, 32, 128])
    test(`random transfers at depth ${depth} leave buffers and medium as a model predicts`, async (t) => {
      const below = numbers(t.lab.cell.seed + depth);
      t.note(`seed ${t.lab.cell.seed}`);
      // With swiotlb at most 4 MiB can be mapped (nvme.premap_bounce_kb).
      const sizes = [1 << 12, 1 << 16, 9 << 15, 1 << 20];
      const buffers = sizes.map((size, index) => ioMemory(t, size, index));
      const fixture = new Fixture(t, buffers, { entries: 256 });
      fixture.map();
      // The model: what buffers and medium must hold.
      const images = buffers.map(({ bytes }) => bytes.slice());
      const medium = pattern(SPAN, 77);
      for (let at = 0; at < SPAN; at += STRIP) fixture.writeMedium(at, medium.subarray(at, at + STRIP));
      const usage = fixture.usage();
      let requests = 0;
      for (let round = 0; round < Math.ceil(96 / depth); round++) {
        const transfers = randomTransfers(below, depth, sizes, fixture.device.blockSize);
        for (const transfer of transfers) {
          fixture.queue(transfer);
          const { kind, buffer = 0, offset = 0, length, position } = transfer;
          const image = images[buffer] ?? new Uint8Array();
          if (kind === 'write') medium.set(image.subarray(offset, offset + length), position);
          else image.set(medium.subarray(position, position + length), offset);
        }
        const cqes = await usage.count(() => fixture.ring.complete());
        t.same(
          cqes.map(({ res }) => res),
          transfers.map(({ length }) => length),
          `CQE res of round ${round}`,
        );
        requests += transfers.length;
        buffers.forEach(({ bytes }, index) => {
          t.bytes(bytes, images[index] ?? new Uint8Array(), `buffer ${index} after round ${round}`);
        });
        // The CPU changes a byte of each buffer, also in cache lines and bounce buffers that the device has written.
        for (const [index, { bytes }] of buffers.entries()) {
          const at = below(bytes.length);
          bytes[at] = (bytes[at] ?? 0) ^ 0xff;
          const image = images[index];
          if (image) image[at] = bytes[at] ?? 0;
        }
      }
      for (let at = 0; at < SPAN; at += STRIP)
        t.bytes(fixture.readMedium(at, STRIP), medium.subarray(at, at + STRIP), `medium from ${at} on`);
      // Commands whose last page begins a PRP list page of its own take the ordinary path.
      usage.expect({ least: requests }, `${requests} random transfers`, { ordinary: requests });
    });
});

/** Transfers that overlap neither on the medium nor in a buffer, so that their order does not matter. At most `depth`. */
function randomTransfers(
  below: (limit: number) => number,
  depth: number,
  sizes: readonly number[],
  blockSize: number,
): Transfer[] {
  const share = SPAN / depth;
  const transfers: Transfer[] = [];
  /** Bytes of each buffer that earlier transfers use. */
  const allocated = sizes.map(() => 0);
  for (let index = 0; index < depth; index++) {
    const buffer = below(sizes.length);
    const size = sizes[buffer] ?? blockSize;
    const from = allocated[buffer] ?? 0;
    const freeBlocks = Math.floor((size - from) / blockSize);
    if (freeBlocks < 1) continue;
    const most = (depth === 1 ? 1 << 20 : 128 << 10) / blockSize;
    const length = blockSize * (1 + below(Math.min(freeBlocks, share / blockSize, most)));
    // Buffers may begin within a block, the transfers on the medium may not.
    const offset = from + below((size - from - length) / SKEW + 1) * SKEW;
    allocated[buffer] = offset + length;
    const position = index * share + below((share - length) / blockSize + 1) * blockSize;
    const kind = below(2) === 0 ? ('read' as const) : ('write' as const);
    transfers.push({ kind, buffer, offset, length, position, userData: transfers.length });
  }
  return transfers;
}
