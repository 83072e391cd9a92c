/** Measuring submissions and placing pages, on the host's own kernel. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import t from 'tap';
import { hostUapi } from '../fakes/host-uapi.ts';
import { TestRing } from '../lib/ring.ts';
import { UapiTable } from '../lib/uapi.ts';
import { buildBinding } from './build.mjs';
import { clockCost, loadBinding, Memory, SyscallError, spin } from './index.ts';

loadBinding(await buildBinding());
const uapi = new UapiTable(await hostUapi());

t.test('a full queue is submitted again and again', (t) => {
  using ring = new TestRing(uapi, { shape: 'plain', entries: 4 });
  for (let i = 0; i < 4; i++) ring.sqe({ opcode: 'IORING_OP_NOP' });
  const samples = new Float64Array(50);
  t.ok(ring.measure(samples) > 0, 'CPU time passes');
  t.ok(
    samples.every((ticks) => ticks > 0),
    'every submission takes ticks',
  );
  ring.measure(new Float64Array(3));
  t.match(ring.indices(), { sqHead: 212, sqTail: 212, cqHead: 212, cqTail: 212 });
  ring.sqe({ opcode: 'IORING_OP_NOP' });
  t.throws(() => ring.measure(samples), /not full/, 'a queue with one new request is not');
  t.end();
});

t.test('a queue is submitted by a call for each request', (t) => {
  using ring = new TestRing(uapi, { shape: 'plain', entries: 32 });
  for (let i = 0; i < 32; i++) ring.sqe({ opcode: 'IORING_OP_NOP' });
  const [together, apart] = [new Float64Array(51), new Float64Array(51)];
  ring.measure(together);
  ring.measure(apart, { apart: true });
  t.ok(Math.min(...apart) > Math.min(...together), '32 calls cost more than one');
  t.match(ring.indices(), { sqHead: 102 * 32, cqHead: 102 * 32 });
  t.end();
});

t.test('requests that a trigger completes, of a pipe that is emptied each time', (t) => {
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
    'every completion takes ticks',
  );
  t.match(ring.indices(), { sqHead: 80, cqHead: 80 });
  t.throws(() => readSync(reader, new Uint8Array(1)), { code: 'EAGAIN' }, 'nothing is left in it');
  t.throws(
    () => ring.measure(samples, { trigger: reader }),
    { code: 'EBADF' },
    'one that cannot be written to',
  );
  t.end();
});

t.test('a queue that is kept full gives the time of each request', (t) => {
  using ring = new TestRing(uapi, { shape: 'plain', entries: 4 });
  for (let i = 0; i < 4; i++) ring.sqe({ opcode: 'IORING_OP_NOP' });
  const samples = new Float64Array(501);
  const { wall, system } = ring.drive(samples);
  t.ok(
    samples.every((ns) => ns > 0 && ns <= wall),
    'each has a time of its own, within the whole',
  );
  t.ok(system >= 0 && system <= wall * 2, 'time in the kernel');
  t.match(ring.indices(), { sqHead: 501, sqTail: 501, cqHead: 501, cqTail: 501 });
  using failing = new TestRing(uapi, { shape: 'plain', entries: 1 });
  failing.sqe({ opcode: 'IORING_OP_READ', fd: 1023 });
  t.throws(() => failing.drive(new Float64Array(2)), SyscallError);
  t.end();
});

t.test('a request that fails ends the measurement with its error', (t) => {
  using ring = new TestRing(uapi, { shape: 'plain', entries: 1 });
  ring.sqe({ opcode: 'IORING_OP_READ', fd: 1023 });
  t.throws(() => ring.measure(new Float64Array(2)), SyscallError);
  t.end();
});

t.test('the clock costs something, and a loop more', (t) => {
  const samples = new Float64Array(11);
  clockCost(samples);
  t.ok(samples.every((ticks) => ticks >= 0));
  t.ok(spin(1_000_000) > spin(1000));
  t.end();
});

/** Frame numbers of a page-aligned range; 0 where we may not see them. */
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

t.test('scattered pages are no neighbours in physical memory', (t) => {
  let memory: Memory;
  try {
    memory = new Memory(64 << 10, 'scattered');
  } catch (error) {
    t.match(error, { code: 'EPERM' }, 'only root sees where pages are');
    return t.end();
  }
  const found = frames(memory.address, 16);
  t.equal(new Set(found).size, 16);
  for (let i = 1; i < 16; i++) {
    const apart = (found[i] ?? 0n) - (found[i - 1] ?? 0n);
    t.ok(apart !== 1n && apart !== -1n, `pages ${i - 1} and ${i}`);
  }
  memory.bytes.fill(7);
  memory.release();
  t.end();
});
