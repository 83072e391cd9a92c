import { readFileSync } from 'node:fs';
import {
  File,
  ioMemory,
  type Memory,
  mapRange,
  openRing,
  SyscallError,
  suite,
  type Test,
  type TestRing,
  test,
  unprivileged,
  until,
} from '../lib/index.ts';
import { DIRECT, Fixture, NEEDS, PAGE } from './fixture.ts';

/** Memory that this process has pinned, bytes (mm->pinned_vm). */
function pinnedBytes(): number {
  const vmPin = /^VmPin:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(vmPin?.[1]) * 1024;
}

/** RLIMIT_MEMLOCK, bytes. Throws SkipError if there is no limit. */
function memlockLimit(t: Test): number {
  const limit = /^Max locked memory\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  if (!limit) t.skip('RLIMIT_MEMLOCK is unlimited');
  return Number(limit?.[1]);
}

/** Registers buffers in a new ring that counts against the limit of an unprivileged user. Throws SyscallError. */
function registerLimited(t: Test, buffers: Memory[]): TestRing {
  const ring = unprivileged(() => openRing(t, { shape: 'plain' }));
  const file = t.use(new File(t.device('data').block, DIRECT));
  ring.registerFiles([file.fd]);
  ring.registerBuffers(buffers);
  return ring;
}

/** Whether buffers can be registered below the limit. */
function fitsLimit(t: Test, buffers: Memory[]): boolean {
  try {
    registerLimited(t, buffers);
    return true;
  } catch (error) {
    if (error instanceof SyscallError && error.code === 'ENOMEM') return false;
    throw error;
  }
}

suite('accounting of pinned memory', { ...NEEDS, class: 'safety' }, () => {
  test('mapping registered buffers pins no more memory, and unregistering them unpins all of it', (t) => {
    const before = pinnedBytes();
    const fixture = new Fixture(t, [ioMemory(t, 64 * PAGE), ioMemory(t, PAGE)]);
    t.equal(pinnedBytes() - before, 65 * PAGE, 'bytes pinned after registering');
    fixture.map();
    t.equal(pinnedBytes() - before, 65 * PAGE, 'bytes pinned after mapping');
    t.throws(() => fixture.map(), 'EBUSY', 'errno of mapping a second time');
    t.equal(pinnedBytes() - before, 65 * PAGE, 'bytes pinned after mapping a second time');
    fixture.unmap();
    t.equal(pinnedBytes() - before, 65 * PAGE, 'bytes pinned after unmapping');
    fixture.map();
    fixture.ring.register(t.uapi.constant('IORING_UNREGISTER_BUFFERS'), null, 0);
    t.equal(pinnedBytes(), before, 'bytes pinned after unregistering mapped buffers');
  });

  test('mapping succeeds at RLIMIT_MEMLOCK, and closing the ring frees the whole limit', async (t) => {
    const limit = memlockLimit(t);
    // With swiotlb at most 4 MiB can be mapped (nvme.premap_bounce_kb).
    const first = Math.min(limit, t.lab.cell.facts.swiotlb ? 4 << 20 : limit);
    const buffers = [ioMemory(t, first)];
    if (limit > first) buffers.push(ioMemory(t, limit - first));
    const extra = [ioMemory(t, PAGE)];
    const ring = registerLimited(t, buffers);
    const exceed = () => registerLimited(t, extra);
    t.throws(exceed, 'ENOMEM', 'errno of registering one more page at the limit');
    ring.register(t.uapi.constant('IORING_REGISTER_MAP_BUFFERS'), mapRange(t.uapi, { end: 1 }), 1);
    t.throws(exceed, 'ENOMEM', 'errno of registering one more page after mapping');
    ring.close();
    // The kernel tears the ring down in a worker; its pages count until then.
    await until('all buffers can be registered again', () => fitsLimit(t, buffers));
    t.throws(exceed, 'ENOMEM', 'errno of registering one more page with all buffers registered again');
  });
});
