/** Measurements of submissions, and the placement of pages, on the kernel of the host. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import t from 'tap';
import { hostUapi } from '../fakes/host-uapi.ts';
import { TestRing } from '../lib/ring.ts';
import { UapiTable } from '../lib/uapi.ts';
import { buildBinding } from './build.mjs';
import { clockCost, loadBinding, Memory, spin } from './index.ts';

loadBinding(await buildBinding());
const uapi = new UapiTable(await hostUapi());

t.test(
  'measure submits a full queue once for each sample, and throws RangeError for a queue that is not full',
  (t) => {
    using ring = new TestRing(uapi, { shape: 'plain', entries: 4 });
    for (let i = 0; i < 4; i++) ring.sqe({ opcode: 'IORING_OP_NOP' });
    const samples = new Float64Array(50);
    t.ok(ring.measure(samples) > 0, 'CPU time is above 0');
    t.ok(
      samples.every((ticks) => ticks > 0),
      'ticks of every submission are above 0',
    );
    ring.measure(new Float64Array(3));
    t.match(ring.indices(), { sqHead: 212, sqTail: 212, cqHead: 212, cqTail: 212 });
    ring.sqe({ opcode: 'IORING_OP_NOP' });
    t.throws(() => ring.measure(samples), { name: 'RangeError', message: /not full/ }, 'one new request');
    t.end();
  },
);

t.test(
  'measure with `apart` makes one call for each request, which takes longer than one call for all',
  (t) => {
    using ring = new TestRing(uapi, { shape: 'plain', entries: 32 });
    for (let i = 0; i < 32; i++) ring.sqe({ opcode: 'IORING_OP_NOP' });
    const [together, apart] = [new Float64Array(51), new Float64Array(51)];
    ring.measure(together);
    ring.measure(apart, { apart: true });
    t.ok(Math.min(...apart) > Math.min(...together), '32 calls take more ticks than one');
    t.match(ring.indices(), { sqHead: 102 * 32, cqHead: 102 * 32 });
    t.end();
  },
);

t.test('measure with `trigger` and `drain` completes polls of a pipe and empties it after each turn', (t) => {
  const path = `${t.testdir()}/pipe`;
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY);
  t.teardown(() => [reader, writer].map((fd) => closeSync(fd)));
  using ring = new TestRing(uapi, { shape: 'plain', entries: 4 });
  const POLLIN = 1;
  for (let i = 0; i < 4; i++)
    ring.sqe({ opcode: 'IORING_OP_POLL_ADD', fd: reader, more: { rw_flags: POLLIN } });
  const samples = new Float64Array(20);
  ring.measure(samples, { trigger: writer, drain: reader });
  t.ok(
    samples.every((ticks) => ticks > 0),
    'ticks of every completion are above 0',
  );
  t.match(ring.indices(), { sqHead: 80, cqHead: 80 });
  t.throws(() => readSync(reader, new Uint8Array(1)), { code: 'EAGAIN' }, 'read of the drained pipe');
  t.throws(
    () => ring.measure(samples, { trigger: reader }),
    { code: 'EBADF' },
    'trigger that is not open for writing',
  );
  t.end();
});

t.test(
  'drive keeps a queue full until every sample has the latency of a request, and throws the error of a failed one',
  (t) => {
    using ring = new TestRing(uapi, { shape: 'plain', entries: 4 });
    for (let i = 0; i < 4; i++) ring.sqe({ opcode: 'IORING_OP_NOP' });
    const samples = new Float64Array(501);
    const { wall, system } = ring.drive(samples);
    t.ok(
      samples.every((ns) => ns > 0 && ns <= wall),
      'latency of every request is above 0 and at most the elapsed time',
    );
    // The kernel splits a thread's time by sampled ticks, so a short drive may be charged for what ran before it.
    const { user, system: inKernel } = process.cpuUsage();
    t.ok(
      system >= 0 && system <= (user + inKernel) * 1000,
      'system time is at most what the process has used',
    );
    t.match(ring.indices(), { sqHead: 501, sqTail: 501, cqHead: 501, cqTail: 501 });
    using failing = new TestRing(uapi, { shape: 'plain', entries: 1 });
    failing.sqe({ opcode: 'IORING_OP_READ', fd: 1023 });
    t.throws(() => failing.drive(new Float64Array(2)), { name: 'SyscallError', code: 'EBADF' });
    t.end();
  },
);

t.test(
  'measure throws the error of the first request that fails: EBADF for a descriptor that is not open',
  (t) => {
    using ring = new TestRing(uapi, { shape: 'plain', entries: 1 });
    ring.sqe({ opcode: 'IORING_OP_READ', fd: 1023 });
    t.throws(() => ring.measure(new Float64Array(2)), { name: 'SyscallError', code: 'EBADF' });
    t.end();
  },
);

t.test('clockCost fills all samples, and a longer spin takes more ticks', (t) => {
  const samples = new Float64Array(11);
  clockCost(samples);
  t.ok(samples.every((ticks) => ticks >= 0));
  t.ok(spin(1_000_000) > spin(1000));
  t.end();
});

/** Page frame numbers of a page-aligned range; 0 without the right to read them. */
function frames(address: bigint, pages: number): bigint[] {
  const bytes = new DataView(new ArrayBuffer(pages * 8));
  const file = openSync('/proc/self/pagemap', 'r');
  readSync(file, bytes, 0, pages * 8, Number(address / 4096n) * 8);
  closeSync(file);
  return Array.from(
    { length: pages },
    (_, index) => bytes.getBigUint64(index * 8, true) & ((1n << 55n) - 1n),
  );
}

t.test(
  'adjacent pages of scattered memory are not adjacent in physical memory, and only root may allocate it',
  (t) => {
    let memory: Memory;
    try {
      memory = new Memory(64 << 10, 'scattered');
    } catch (error) {
      t.match(error, { code: 'EPERM' }, 'without the right to read page frame numbers');
      return t.end();
    }
    const frameNumbers = frames(memory.address, 16);
    t.equal(new Set(frameNumbers).size, 16);
    for (let i = 1; i < 16; i++) {
      const distance = (frameNumbers[i] ?? 0n) - (frameNumbers[i - 1] ?? 0n);
      t.ok(distance !== 1n && distance !== -1n, `pages ${i - 1} and ${i}`);
    }
    memory.bytes.fill(7);
    memory.release();
    t.end();
  },
);
