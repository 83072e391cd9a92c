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
} from '../lib/index.ts';
import { Bench, DIRECT, NEEDS, PAGE } from './setup.ts';

/** What the process has pinned, bytes (mm->pinned_vm). */
function pinned(): number {
  const found = /^VmPin:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1]) * 1024;
}

/** RLIMIT_MEMLOCK, bytes. */
function lockLimit(t: Test): number {
  const found = /^Max locked memory\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  if (!found) t.skip('memory may be locked without limit');
  return Number(found?.[1]);
}

/** A ring that counts against the limit of a user without privileges, and its buffers. Throws SyscallError. */
function limited(t: Test, buffers: Memory[]): TestRing {
  process.seteuid?.(65534);
  let ring: TestRing;
  try {
    ring = openRing(t, { shape: 'plain' });
  } finally {
    process.seteuid?.(0);
  }
  const file = t.use(new File(t.device('data').block, DIRECT));
  ring.registerFiles([file.fd]);
  ring.registerBuffers(buffers);
  return ring;
}

/** A ring goes away in a worker of the kernel's, and its pages count until then. */
async function onceThereIsRoom(t: Test, buffers: Memory[]): Promise<TestRing | undefined> {
  while (!t.signal.aborted)
    try {
      return limited(t, buffers);
    } catch (error) {
      if (!(error instanceof SyscallError) || error.code !== 'ENOMEM') throw error;
      await new Promise((go) => setImmediate(go));
    }
  return undefined;
}

suite('what is counted', NEEDS, () => {
  test('mapping pins no more than registering has, and gives back no less', (t) => {
    const before = pinned();
    const bench = new Bench(t, [ioMemory(t, 64 * PAGE), ioMemory(t, PAGE)]);
    t.equal(pinned() - before, 65 * PAGE, 'registered');
    bench.map();
    t.throws(() => bench.map(), 'EBUSY');
    t.equal(pinned() - before, 65 * PAGE, 'mapped');
    bench.unmap();
    t.equal(pinned() - before, 65 * PAGE, 'unmapped');
    bench.map();
    bench.ring.register(t.uapi.constant('IORING_UNREGISTER_BUFFERS'), null, 0);
    t.equal(pinned(), before, 'unregistered while mapped');
  });

  test('who is at the limit of locked memory may map all of it, and has all of it again afterwards', async (t) => {
    const limit = lockLimit(t);
    // Where everything bounces no more than 4 MiB may be mapped.
    const first = Math.min(limit, t.lab.cell.facts.swiotlb ? 4 << 20 : limit);
    const memory = [ioMemory(t, first)];
    if (limit > first) memory.push(ioMemory(t, limit - first));
    const more = [ioMemory(t, PAGE)];
    const ring = limited(t, memory);
    t.throws(() => limited(t, more), 'ENOMEM', 'the limit is reached');
    ring.register(t.uapi.constant('IORING_REGISTER_MAP_BUFFERS'), mapRange(t.uapi, { end: 1 }), 1);
    t.throws(() => limited(t, more), 'ENOMEM', 'it still is');
    ring.close();
    t.ok(await onceThereIsRoom(t, memory), 'all of it can be registered again');
    t.throws(() => limited(t, more), 'ENOMEM', 'and no more than that');
  });
});
