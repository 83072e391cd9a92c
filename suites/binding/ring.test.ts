import { constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { hostUapi } from '../fakes/host-uapi.ts';
import { type Shape, TestRing } from '../lib/ring.ts';
import { UapiTable } from '../lib/uapi.ts';
import { buildBinding } from './build.mjs';
import { File, loadBinding, Mapping, Memory, Ring, SyscallError, TimeoutError } from './index.ts';

loadBinding(await buildBinding());
const uapi = new UapiTable(await hostUapi());
const shapes: Shape[] = ['big', 'sqe128', 'cqe32', 'plain'];
const nop = { opcode: 'IORING_OP_NOP' };

for (const shape of shapes) {
  t.test(`a ${shape} ring completes NOPs with res 0 in order while its queues wrap around`, async (t) => {
    using ring = new TestRing(uapi, { shape, entries: 4 });
    t.equal(ring.sqeSize, shape === 'big' || shape === 'sqe128' ? 128 : 64);
    t.equal(ring.cqeSize, shape === 'big' || shape === 'cqe32' ? 32 : 16);
    for (let round = 0; round < 9; round++) {
      for (let i = 0; i < 3; i++) ring.sqe({ ...nop, userData: round * 3 + i });
      const cqes = await ring.complete();
      t.same(
        cqes.map(({ tag, res, big }) => [tag, res, ...big]),
        [0, 1, 2].map((i) => [round * 3 + i, 0, 0n, 0n]),
      );
    }
    t.equal(ring.indices().cqTail, 27);
  });

  t.test(
    `a ${shape} ring reads a file into aligned memory, and fails with EBADF for a descriptor that is not open`,
    async (t) => {
      const path = join(t.testdir({ data: 'x'.repeat(5000) }), 'data');
      using file = new File(path, constants.O_RDONLY);
      using ring = new TestRing(uapi, { shape });
      using memory = new Memory(8192);
      const read = { opcode: 'IORING_OP_READ', fd: file.fd, addr: memory.address, len: 8192 };
      t.equal((await ring.run(read)).res, 5000);
      t.equal(memory.bytes[4999], 0x78);
      t.equal(memory.bytes[5000], 0);
      t.equal((await ring.run({ ...read, fd: 1023 })).res, -9);
    },
  );
}

t.test('setup flags reach the kernel, and a setup that it refuses throws SyscallError EINVAL', async (t) => {
  using ring = new TestRing(uapi, {
    entries: 8,
    cqEntries: 64,
    flags: ['IORING_SETUP_SINGLE_ISSUER', 'IORING_SETUP_DEFER_TASKRUN', 'IORING_SETUP_SUBMIT_ALL'],
  });
  t.equal(ring.params.sqEntries, 8);
  t.equal(ring.params.cqEntries, 64);
  t.equal(ring.params.flags & uapi.constant('IORING_SETUP_DEFER_TASKRUN'), 1 << 13);
  t.ok(ring.params.features & uapi.constant('IORING_FEAT_NODROP'));
  ring.sqe({ ...nop, userData: 5 });
  t.equal((await ring.complete())[0]?.tag, 5);
  t.throws(() => new Ring({ entries: 0 }), {
    name: 'SyscallError',
    code: 'EINVAL',
    syscall: 'io_uring_setup',
  });
  t.throws(() => new Ring({ entries: 1, flags: 1 << 30 }), { code: 'EINVAL' });
});

t.test('a completion has all 64 bits of user_data, and an unknown opcode fails with EINVAL', async (t) => {
  using ring = new TestRing(uapi, { shape: 'plain' });
  const userData = 0xfedc_ba98_7654_3210n;
  t.equal((await ring.run({ ...nop, userData })).userData, userData);
  const unknown = await ring.run({ opcode: 255, userData: 1 });
  t.equal(unknown.res, -22);
});

t.test('32-byte completions that overflow the CQ arrive complete and in order', async (t) => {
  using ring = new TestRing(uapi, { entries: 4, cqEntries: 4 });
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 4; i++) ring.sqe({ ...nop, userData: round * 4 + i });
    t.equal(ring.submit(), 4);
  }
  t.ok(ring.indices().sqFlags & uapi.constant('IORING_SQ_CQ_OVERFLOW'));
  const cqes = await ring.wait(24);
  t.same(
    cqes.map(({ tag }) => tag),
    Array.from({ length: 24 }, (_, i) => i),
  );
  t.equal(ring.indices().overflow, 0);
});

t.test('wait leaves the event loop running and throws TimeoutError at its deadline', async (t) => {
  using ring = new TestRing(uapi, { shape: 'plain' });
  const span = new Memory(16);
  span.view.setBigInt64(8, 50_000_000n, true);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const timed = await ring.run({ opcode: 'IORING_OP_TIMEOUT', addr: span.address, len: 1 });
  t.equal(timed.res, -62);
  // Timers run first in each turn of the loop, so a loop that is not blocked has run this one, however late.
  t.ok(ticks >= 1, `${ticks} ticks`);
  await t.rejects(ring.wait(1, { timeoutMs: 30 }), TimeoutError);
  clearInterval(timer);
});

t.test('nextSqe throws RangeError when the submission queue is full, and the queue still completes', (t) => {
  using ring = new TestRing(uapi, { shape: 'plain', entries: 2 });
  ring.sqe(nop);
  ring.sqe(nop);
  t.throws(() => ring.sqe(nop), RangeError);
  t.equal(ring.submit(), 2);
  t.equal(ring.reap().length, 2);
  t.end();
});

t.test('enter blocks until a completion arrives, or throws ETIME after its timeout', (t) => {
  using ring = new TestRing(uapi, { shape: 'plain' });
  const getEvents = uapi.constant('IORING_ENTER_GETEVENTS');
  t.throws(() => ring.enter(0, 1, getEvents, 20), { code: 'ETIME', syscall: 'io_uring_enter' });
  ring.sqe(nop);
  t.equal(ring.enter(ring.publish(), 1, getEvents, 1000), 1);
  t.equal(ring.reap().length, 1);
  t.end();
});

t.test('register passes any opcode, and throws EBUSY and EINVAL as the kernel returns them', async (t) => {
  using ring = new TestRing(uapi, { shape: 'plain' });
  using memory = new Memory(4096);
  memory.bytes.fill(7);
  ring.registerBuffers([memory]);
  t.throws(() => ring.registerBuffers([memory]), { code: 'EBUSY', syscall: 'io_uring_register' });
  const path = join(t.testdir(), 'out');
  writeFileSync(path, '');
  using file = new File(path, constants.O_RDWR);
  const write = { opcode: 'IORING_OP_WRITE_FIXED', fd: file.fd, addr: memory.address, len: 100, bufIndex: 0 };
  t.equal((await ring.run(write)).res, 100);
  t.equal((await ring.run({ ...write, bufIndex: 1 })).res, -14);
  t.equal(ring.register(uapi.constant('IORING_UNREGISTER_BUFFERS'), null, 0), 0);
  t.throws(() => ring.register(9999, null, 0), { code: 'EINVAL' });
});

t.test('requests complete after the thread that submitted them has exited', async (t) => {
  using ring = new TestRing(uapi);
  const span = new Memory(16);
  span.view.setBigInt64(8, 30_000_000n, true);
  ring.sqe({ opcode: 'IORING_OP_TIMEOUT', addr: span.address, len: 1, userData: 3 });
  ring.sqe({ ...nop, userData: 4 });
  t.equal(ring.submitFromThread(), 2);
  const cqes = await ring.wait(2);
  t.same(cqes.map(({ tag }) => tag).sort(), [3, 4]);
});

t.test(
  'close and release detach all views of the memory, and later use of the ring throws ERR_RING_CLOSED',
  (t) => {
    const ring = new Ring({ entries: 4 });
    const words = new Uint32Array(ring.queues);
    const sqe = ring.nextSqe();
    t.ok(words.length > 0);
    ring.close();
    ring.close();
    t.equal(words.length, 0);
    t.equal(ring.sqes.byteLength, 0);
    t.throws(() => sqe.getUint8(0), TypeError);
    t.throws(() => ring.indices(), { code: 'ERR_RING_CLOSED' });
    const memory = new Memory(100);
    t.equal(memory.address & 4095n, 0n);
    memory.release();
    memory.release();
    t.equal(memory.bytes.length, 0);
    t.end();
  },
);

t.test('close rejects a wait on the ring with TimeoutError', async (t) => {
  const ring = new TestRing(uapi);
  const pending = ring.wait(1, { timeoutMs: 2 ** 31 - 1 });
  setImmediate(() => ring.close());
  await t.rejects(pending, { name: 'TimeoutError', message: /closed while waiting/ });
});

t.test(
  'a mapping shows what is written to its file until release, and throws EINVAL and EBADF for wrong arguments',
  (t) => {
    const path = join(t.testdir({ f: 'x'.repeat(8192) }), 'f');
    using file = new File(path, constants.O_RDWR);
    using mapping = new Mapping(file.fd, 4096, 4096);
    t.equal(mapping.view.byteLength, 4096);
    file.write(new Uint8Array([1, 2, 3, 4]), 4096);
    t.equal(mapping.view.getUint32(0, true), 0x04030201);
    t.throws(() => new Mapping(file.fd, 1, 4096), { code: 'EINVAL', syscall: 'mmap' });
    t.throws(() => new Mapping(-1, 0, 4096), { code: 'EBADF' });
    mapping.release();
    mapping.release();
    t.throws(() => mapping.view.getUint8(0), TypeError);
    t.end();
  },
);

t.test('a SyscallError has the names of the errno and of the call', (t) => {
  const missing = () => new File('/nonexistent/file', constants.O_RDONLY);
  t.throws(missing, { name: 'SyscallError', code: 'ENOENT', syscall: 'open' });
  using file = new File('/dev/null', constants.O_RDONLY);
  t.throws(() => file.ioctl(0x5401, new Uint8Array(64)), { code: 'ENOTTY', syscall: 'ioctl' });
  t.ok(new SyscallError(5, 'x').message.includes('EIO'));
  t.end();
});
