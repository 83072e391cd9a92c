import { constants, fsyncSync, writeFileSync } from 'node:fs';
import { File, ioMemory, mounted, openRing, pattern, suite, type Test, test } from '../lib/index.ts';
import { ZERO_COPY } from '../lib/ublk/datapath.ts';
import { MIB, temporaryPath } from '../lib/ublk/fixtures.ts';
import { fileTarget } from '../lib/ublk/target.ts';
import { assertZeroed, member, type PendingRequest, pendingRequest, results } from './pending.ts';

const LENGTH = 64 << 10;
/** Whole blocks on every drive, for O_DIRECT. */
const ALIGNED = 4096;

/** A file of `length` bytes on ext4, through the page cache. */
function bufferedFile(t: Test, length: number): File {
  const directory = mounted(t, t.device('data'), 32768);
  const file = t.use(new File(`${directory}/buffered`, constants.O_RDWR | constants.O_CREAT));
  file.truncate(length);
  return file;
}

/** Writes what is dirty to the drive, and drops the page cache. */
function dropCache(file: File): void {
  fsyncSync(file.fd);
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

/** POSIX_FADV_DONTNEED (linux/fadvise.h). */
const FADV_DONTNEED = 4;

/** Writes what is dirty to the drive, and drops the pages from byte `from` on out of the page cache. */
async function dropTail(t: Test, file: File, from: number): Promise<void> {
  fsyncSync(file.fd);
  const advice = { fadvise_advice: FADV_DONTNEED };
  const sqe = { opcode: 'IORING_OP_FADVISE', fd: file.fd, off: from, len: LENGTH - from, more: advice };
  t.equal((await openRing(t, { shape: 'plain' }).run(sqe)).res, 0, 'CQE res of the fadvise');
}

/** What of a file is in the page cache when members read it. The first read of a half-cached one ends early, and is continued. */
const CACHED: Record<string, (t: Test, file: File) => void | Promise<void>> = {
  uncached: (_t, file) => dropCache(file),
  'half-cached': (t, file) => dropTail(t, file, LENGTH / 2),
  cached: () => {},
};

/** What the drive holds of a file: read without the page cache. */
function onDrive(t: Test, file: File, length: number): Uint8Array {
  fsyncSync(file.fd);
  const direct = t.use(new File(file.path, constants.O_RDONLY | constants.O_DIRECT));
  const memory = ioMemory(t, Math.ceil(length / ALIGNED) * ALIGNED);
  t.equal(direct.read(memory.bytes, 0), length, 'bytes read from the drive');
  return memory.bytes.subarray(0, length);
}

/** The device's own target is not the drive, which holds the file system. */
const pending = (t: Test, kind: 'READ' | 'WRITE'): Promise<PendingRequest> =>
  pendingRequest(t, kind, LENGTH, { target: fileTarget(t, temporaryPath(t), MIB) });

suite('files in the page cache', { ...ZERO_COPY.needs, class: 'contract' }, () => {
  for (const [cached, prepare] of Object.entries(CACHED))
    for (const flags of [[], ['IOSQE_ASYNC']]) {
      const how = `${cached} file${flags.length > 0 ? ' in io-wq workers' : ''}`;

      test(`members read a client read from parts of a buffered, ${how}`, async (t) => {
        const file = bufferedFile(t, LENGTH);
        const bytes = pattern(LENGTH, 21);
        t.equal(file.write(bytes, 0), LENGTH, 'bytes written to the file');
        await prepare(t, file);
        const { request, port, memory, complete } = await pending(t, 'READ');
        // Neither offsets nor lengths are those of blocks.
        const [first, rest] = [10_001, LENGTH - 10_001];
        const answered = await port.group(
          request,
          { ...member('READ', file, 0, first, rest), flags },
          { ...member('READ', file, first, rest, 0), flags },
        );
        t.same(results(answered), [0, first, rest], 'CQE res of leader and members');
        await complete();
        t.bytes(
          memory.bytes,
          Buffer.concat([bytes.subarray(rest), bytes.subarray(0, rest)]),
          'client memory',
        );
      });

      test(`one member reads a whole client read from a buffered, ${how}`, { class: 'safety' }, async (t) => {
        const file = bufferedFile(t, LENGTH);
        const bytes = pattern(LENGTH, 22);
        t.equal(file.write(bytes, 0), LENGTH, 'bytes written to the file');
        await prepare(t, file);
        const { request, port, memory, complete } = await pending(t, 'READ');
        const answered = await port.group(request, { ...member('READ', file, 0, LENGTH), flags });
        t.same(results(answered), [0, LENGTH], 'CQE res of leader and member');
        await complete();
        t.bytes(memory.bytes, bytes, 'client memory');
      });
    }

  for (const flags of [[], ['IOSQE_ASYNC']])
    test(`a buffered file keeps a client write that members wrote to it${flags.length > 0 ? ' in io-wq workers' : ''}, whatever the client writes to its memory later`, async (t) => {
      const file = bufferedFile(t, 2 * LENGTH);
      const { request, port, memory, complete } = await pending(t, 'WRITE');
      const written = memory.bytes.slice();
      const answered = await port.group(
        request,
        { ...member('WRITE', file, 0, LENGTH, 0), flags },
        { ...member('WRITE', file, 4097, 8190, LENGTH + 3), flags },
      );
      t.same(results(answered), [0, LENGTH, 8190], 'CQE res of leader and members');
      await complete();
      memory.bytes.fill(0xee);
      const expected = new Uint8Array(2 * LENGTH);
      expected.set(written);
      expected.set(written.subarray(4097, 4097 + 8190), LENGTH + 3);
      t.bytes(onDrive(t, file, 2 * LENGTH), expected, 'contents of the file on the drive');
    });

  test('a client read from a hole of a buffered file is zero', async (t) => {
    const file = bufferedFile(t, LENGTH);
    dropCache(file);
    const request = await pending(t, 'READ');
    const answered = await request.port.group(request.request, member('READ', file, 0, LENGTH));
    t.same(results(answered), [0, LENGTH], 'CQE res of leader and member');
    await request.complete();
    assertZeroed(t, request);
  });
});
