import {
  File,
  ioMemory,
  type Memory,
  nvme,
  Prinfo,
  protect,
  suite,
  type Test,
  TUPLE_BYTES,
  test,
} from '../lib/index.ts';
import { area, type Bench, DIRECT, onMedium, putOnMedium, setUp } from './setup.ts';

const { Status } = nvme;
const TAG = 0x4d5a;
const CHECK_ALL = Prinfo.guard | Prinfo.applicationTag | Prinfo.referenceTag;

/**
 * The direction is the wrong way round, so that pages for reading are pinned for reading only: of memory that has not been
 * written to that is the page of zeros that all programs share, and the device writes to it.
 */
const ZERO_PAGE =
  'blk_rq_integrity_map_user() lets the device write to pages that are not the caller’s (fixed by "block: flip iter directions in blk_rq_integrity_map_user()", Linux 6.16)';

interface Buffers {
  data: Memory;
  metadata: Memory;
}

/** Data with the right tuples for its place. */
function protectedData(t: Test, { device }: Bench, where: nvme.Span, seed: number): Buffers {
  const data = ioMemory(t, where.blocks * device.blockSize, seed);
  const metadata = ioMemory(t, where.blocks * TUPLE_BYTES);
  protect(data.bytes, metadata, where, TAG);
  return { data, metadata };
}

/** Buffers to read into. They are written to first: see ZERO_PAGE. */
function empty(t: Test, { device }: Bench, { blocks }: nvme.Span): Buffers {
  return { data: ioMemory(t, blocks * device.blockSize, 1), metadata: ioMemory(t, blocks * TUPLE_BYTES, 2) };
}

/** One transfer with metadata. `checks`: what the device compares, with the tags that this place should have. */
async function transfer(
  bench: Bench,
  kind: 'read' | 'write',
  where: nvme.Span,
  { data, metadata }: Buffers,
  checks = CHECK_ALL,
): Promise<number> {
  const { device, char, ring } = bench;
  const command = nvme.transfer(kind, device, where, data, { metadata });
  const tags = { cdw14: Number(BigInt(where.lba) & 0xffffffffn), cdw15: ((0xffff << 16) | TAG) >>> 0 };
  const cqe = await ring.execute({
    fd: char.fd,
    command: { ...command, ...tags, cdw12: ((command.cdw12 ?? 0) | checks) >>> 0 },
  });
  return cqe.res;
}

suite('metadata and protection information', { devices: ['pi'] }, () => {
  test('metadata goes both ways in a buffer of its own, checked by the device', async (t) => {
    const bench = setUp(t, {}, 'pi');
    for (const blocks of [1, 7, 64]) {
      const where = area(bench.device, blocks);
      const written = protectedData(t, bench, where, 800 + blocks);
      t.equal(await transfer(bench, 'write', where, written), 0, `write of ${blocks}`);
      const read = empty(t, bench, where);
      t.equal(await transfer(bench, 'read', where, read), 0, `read of ${blocks}`);
      t.bytes(read.data.bytes, written.data.bytes, 'data');
      t.bytes(read.metadata.bytes, written.metadata.bytes, 'metadata');
    }
  });

  const faults: [string, number, number, number][] = [
    ['guard', 0, Prinfo.guard, Status.guardCheck],
    ['application tag', 2, Prinfo.applicationTag, Status.applicationTagCheck],
    ['reference tag', 4, Prinfo.referenceTag, Status.referenceTagCheck],
  ];
  for (const [name, at, check, status] of faults) {
    test(`a wrong ${name}: the device refuses the write, and the read of one that it was not to check`, async (t) => {
      const bench = setUp(t, {}, 'pi');
      const where = area(bench.device, 8);
      const good = protectedData(t, bench, where, 820);
      t.equal(await transfer(bench, 'write', where, good), 0, 'the right one');
      const bad = protectedData(t, bench, where, 821);
      // The last but one block: all tuples have to arrive for it to be noticed, and nothing but them.
      const place = 6 * TUPLE_BYTES + at;
      bad.metadata.view.setUint8(place, bad.metadata.view.getUint8(place) ^ 0x01);
      t.equal(nvme.statusCode(await transfer(bench, 'write', where, bad)), status, 'a checked write');
      const kept = empty(t, bench, where);
      t.equal(await transfer(bench, 'read', where, kept), 0, 'what was there before');
      t.bytes(kept.data.bytes, good.data.bytes, 'the medium after a refused write');
      t.equal(
        await transfer(bench, 'write', where, bad, CHECK_ALL & ~check),
        0,
        'a write with this check left out',
      );
      t.equal(nvme.statusCode(await transfer(bench, 'read', where, kept)), status, 'a checked read');
      t.equal(
        await transfer(bench, 'read', where, kept, CHECK_ALL & ~check),
        0,
        'a read with this check left out',
      );
      t.bytes(kept.metadata.bytes, bad.metadata.bytes, 'the wrong tuple as it was written');
    });
  }

  test('the device makes and strips the tuples (PRACT): no metadata buffer', async (t) => {
    const bench = setUp(t, {}, 'pi');
    const { device, char, ring } = bench;
    const where = area(device, 8);
    const expected = protectedData(t, bench, where, 830);
    const tags = { cdw14: Number(where.lba), cdw15: TAG };
    const pract = (kind: 'read' | 'write', memory: Memory) => {
      const command = nvme.transfer(kind, device, where, memory);
      return {
        fd: char.fd,
        command: { ...command, ...tags, cdw12: ((command.cdw12 ?? 0) | Prinfo.act) >>> 0 },
      };
    };
    t.equal((await ring.execute(pract('write', expected.data))).res, 0);
    const read = empty(t, bench, where);
    t.equal(await transfer(bench, 'read', where, read), 0, 'with a buffer');
    t.bytes(read.metadata.bytes, expected.metadata.bytes, 'the tuples that the device made');
    t.equal((await ring.execute(pract('read', read.data))).res, 0);
    t.bytes(read.data.bytes, expected.data.bytes, 'data without tuples');
  });

  test('the reference tag of the command has to be the block: Invalid Protection Information', async (t) => {
    const bench = setUp(t, {}, 'pi');
    const { device, char, ring } = bench;
    const where = area(device, 1);
    const { data, metadata } = protectedData(t, bench, where, 840);
    const command = nvme.transfer('write', device, where, data, { metadata });
    const wrong = { ...command, cdw12: Prinfo.referenceTag, cdw14: Number(where.lba) + 1 };
    const { res } = await ring.execute({ fd: char.fd, command: wrong });
    t.equal(nvme.statusCode(res), Status.invalidProtectionInfo);
  });

  test('the block device believes what passthrough wrote, and the other way round', async (t) => {
    const bench = setUp(t, {}, 'pi');
    const { device } = bench;
    const where = area(device, 16);
    const written = protectedData(t, bench, where, 850);
    t.equal(await transfer(bench, 'write', where, written), 0);
    t.bytes(onMedium(t, device, where), written.data.bytes, 'read by the block device');
    const data = ioMemory(t, where.blocks * device.blockSize, 851);
    putOnMedium(t, device, where, data);
    const read = empty(t, bench, where);
    t.equal(await transfer(bench, 'read', where, read, Prinfo.guard | Prinfo.referenceTag), 0);
    t.bytes(read.data.bytes, data.bytes, 'written by the block device');
    const spoilt = protectedData(t, bench, where, 852);
    spoilt.metadata.view.setUint16(0, spoilt.metadata.view.getUint16(0) ^ 0x8000);
    t.equal(await transfer(bench, 'write', where, spoilt, 0), 0, 'a wrong guard, unchecked');
    const block = t.use(new File(device.block, DIRECT));
    t.throws(() => block.read(data.bytes, Number(where.lba) * device.blockSize), 'EILSEQ');
  });

  test('metadata at a place that is not the caller’s: EFAULT', async (t) => {
    const bench = setUp(t, {}, 'pi');
    const { device, char, ring } = bench;
    const where = area(device, 1);
    const { data, metadata } = protectedData(t, bench, where, 860);
    for (const kind of ['read', 'write'] as const) {
      const command = { ...nvme.transfer(kind, device, where, data, { metadata }), metadata: 0x10000n };
      t.errno(await ring.execute({ fd: char.fd, command }), 'EFAULT', kind);
    }
  });

  test('metadata that is read goes to the caller’s memory, not to a page that everybody shares', {
    knownFault: ZERO_PAGE,
  }, async (t) => {
    const bench = setUp(t, {}, 'pi');
    const where = area(bench.device, 8);
    // Memory that nobody has written to yet is one page of zeros, the same for all, until somebody writes to it.
    const untouched = () => ({
      data: ioMemory(t, where.blocks * bench.device.blockSize, 871),
      metadata: ioMemory(t, where.blocks * TUPLE_BYTES),
    });
    const zeros = { data: ioMemory(t, where.blocks * bench.device.blockSize), metadata: ioMemory(t, 64, 1) };
    zeros.metadata.bytes.fill(0);
    const heal = async () => {
      // A kernel with the fault has spoilt the zeros of all programs: zeros, read in the same way, bring them back.
      t.equal(await transfer(bench, 'write', where, zeros, 0), 0, 'zeros written');
      t.equal(await transfer(bench, 'read', where, untouched(), 0), 0, 'zeros read');
    };
    const written = protectedData(t, bench, where, 870);
    t.equal(await transfer(bench, 'write', where, written), 0);
    const read = untouched();
    const bystander = ioMemory(t, 4096);
    t.equal(bystander.bytes[0], 0, 'the bystander, before');
    t.equal(await transfer(bench, 'read', where, read), 0);
    const own = read.metadata.bytes.slice();
    const seen = bystander.bytes.slice();
    await heal();
    t.bytes(own, written.metadata.bytes, 'metadata');
    t.bytes(seen, new Uint8Array(seen.length), 'memory that nobody has written to');
  });
});
