/** Scripts of several system calls, on the kernel of the host. */
import { constants, writeFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import t from 'tap';
import { hostUapi } from '../fakes/host-uapi.ts';
import { TestRing } from '../lib/ring.ts';
import { type SqeFields, writeSqe } from '../lib/sqe.ts';
import { UapiTable } from '../lib/uapi.ts';
import { buildBinding } from './build.mjs';
import { enter, File, loadBinding, Memory, pread, pwrite, runScript } from './index.ts';

loadBinding(await buildBinding());
const uapi = new UapiTable(await hostUapi());

/** An SQE with its expected result as `user_data`. */
function sqe(fields: SqeFields, expected: number): Uint8Array {
  const bytes = new Uint8Array(uapi.size('io_uring_sqe'));
  writeSqe(new DataView(bytes.buffer), uapi, { ...fields, userData: expected });
  return bytes;
}

const open = (entries = 2) => new TestRing(uapi, { shape: 'plain', entries });
const NOP = sqe({ opcode: 'IORING_OP_NOP' }, 0);

t.test(
  'a script runs steps of two rings and a file once for each sample, and measures their CPU time',
  (t) => {
    const path = `${t.testdir()}/file`;
    writeFileSync(path, 'twelve bytes');
    using file = new File(path, constants.O_RDWR);
    using memory = new Memory(12);
    const readBack = new Uint8Array(12);
    using first = open();
    using second = open(1);
    const [addr, len] = [memory.address, memory.length];
    const read = sqe({ opcode: 'IORING_OP_READ', fd: file.fd, addr, len, off: 0 }, 12);
    const steps = [
      // A step may wait for requests that an earlier step submitted.
      enter('submit', first, [read, NOP], 0),
      enter('wait', first, [], 1),
      enter('other', second, [NOP], 1),
      pwrite('copy out', file.fd, memory.bytes, 20),
      pread('copy in', file.fd, readBack, 20),
      enter('wait for the rest', first, [], 1),
    ];
    const samples = new Float64Array(5);
    const { cpu, others, copied } = runScript(steps, samples);
    t.equal(Buffer.from(readBack).toString(), 'twelve bytes');
    t.equal(copied, 5 * 24);
    t.ok(
      samples.every((ns) => ns > 0),
      'CPU time of every turn is above 0',
    );
    t.ok(cpu >= samples.reduce((sum, ns) => sum + ns), 'the CPU time of the thread includes all turns');
    t.ok(others >= 0);
    t.match(first.indices(), { sqHead: 10, sqTail: 10, cqHead: 10, cqTail: 10 });
    t.match(second.indices(), { sqHead: 5, sqTail: 5, cqHead: 5, cqTail: 5 });
    t.end();
  },
);

t.test('a ring completes an ordinary request after a script has used it', async (t) => {
  using ring = open();
  runScript([enter('nop', ring, [NOP], 1)], new Float64Array(3));
  t.equal((await ring.run({ opcode: 'IORING_OP_NOP', userData: 7 })).tag, 7);
});

t.test('a sample leaves out the time that a step waits', (t) => {
  using ring = open();
  using time = new Memory(16);
  time.view.setBigInt64(8, 50_000_000n, true);
  const fields = { opcode: 'IORING_OP_TIMEOUT', addr: time.address, len: 1 };
  const samples = new Float64Array(1);
  runScript([enter('wait', ring, [sqe(fields, -osConstants.errno.ETIME)], 1)], samples);
  t.ok((samples[0] ?? 0) < 25_000_000, `${samples[0]} ns of 50 ms`);
  runScript([], samples);
  t.ok((samples[0] ?? 0) < 1_000_000, 'a script without steps takes less than 1 ms');
  t.end();
});

t.test(
  'a failed script throws the name of the failed step with its errno, EIO for an unexpected result',
  (t) => {
    using ring = open();
    const run = (...steps: Parameters<typeof runScript>[0]) => runScript(steps, new Float64Array(2));
    const nop = enter('nop', ring, [NOP], 1);
    const bad = sqe({ opcode: 'IORING_OP_READ', fd: 1023 }, 12);
    t.throws(() => run(nop, enter('read', ring, [bad], 1)), { syscall: 'read', code: 'EBADF' });
    const short = sqe({ opcode: 'IORING_OP_NOP' }, 12);
    t.throws(
      () => run(enter('short', ring, [short], 1)),
      { syscall: 'short', code: 'EIO' },
      'result that was not expected',
    );
    t.throws(
      () => run(enter('many', ring, [NOP, NOP, NOP], 3)),
      { code: 'EIO' },
      'more SQEs than the queue has',
    );
    using empty = new File('/dev/null', constants.O_RDWR);
    const bytes = new Uint8Array(4);
    t.throws(
      () => run(pread('nothing', empty.fd, bytes, 0)),
      { syscall: 'nothing', code: 'EIO' },
      'short read',
    );
    t.throws(() => run(pwrite('nowhere', 1023, bytes, 0)), { syscall: 'nowhere', code: 'EBADF' });
    t.throws(() => run(...Array.from({ length: 17 }, () => nop)), RangeError);
    t.end();
  },
);
