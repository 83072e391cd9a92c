import { constants } from 'node:fs';
import { File, ioMemory, pattern, suite, test } from '../lib/index.ts';
import { ZERO_COPY } from '../lib/ublk/datapath.ts';
import { member, patternFile, pendingRequest, results, STALE, zeroFile } from './pending.ts';

const LENGTH = 64 << 10;

suite('members', { ...ZERO_COPY.needs, class: 'contract' }, () => {
  test('members read parts of a request from several files, each at its own offset', async (t) => {
    const { request, port, memory, complete } = await pendingRequest(t, 'READ', LENGTH);
    const [first, second] = [patternFile(t, LENGTH, 1), patternFile(t, LENGTH, 2)];
    const quarter = LENGTH / 4;
    const answered = await port.group(
      request,
      member('READ', first.file, 0, quarter, quarter),
      member('READ', second.file, 3 * quarter, quarter, 0),
      member('READ', second.file, quarter, quarter, 512),
      member('READ', first.file, 2 * quarter, quarter, 77),
    );
    const whole = [0, quarter, quarter, quarter, quarter];
    t.same(results(answered), whole, 'CQE res of leader and members');
    const lastArrival = Math.max(...answered.map(({ arrival }) => arrival));
    t.equal(answered[0]?.arrival, lastArrival, 'place of the leader CQE in order of arrival');
    await complete();
    const expected = [
      first.bytes.subarray(quarter, 2 * quarter),
      second.bytes.subarray(512, 512 + quarter),
      first.bytes.subarray(77, 77 + quarter),
      second.bytes.subarray(0, quarter),
    ];
    t.bytes(memory.bytes, Buffer.concat(expected), 'client memory');
  });

  test('members write one request to two files and a part of it to a third', async (t) => {
    const { request, port, memory, complete } = await pendingRequest(t, 'WRITE', LENGTH);
    const files = [zeroFile(t, LENGTH), zeroFile(t, LENGTH), zeroFile(t, LENGTH)] as const;
    const answered = await port.group(
      request,
      member('WRITE', files[0].file, 0, LENGTH),
      member('WRITE', files[1].file, 0, LENGTH),
      member('WRITE', files[2].file, 4097, 8190, 3),
    );
    t.same(results(answered), [0, LENGTH, LENGTH, 8190], 'CQE res of leader and members');
    await complete();
    t.bytes(files[0].contents(), memory.bytes, 'contents of the first file');
    t.bytes(files[1].contents(), memory.bytes, 'contents of the second file');
    const part = files[2].contents();
    t.bytes(part.subarray(3, 3 + 8190), memory.bytes.subarray(4097, 4097 + 8190), 'part in the third file');
    t.bytes(part.subarray(0, 3), new Uint8Array(3), 'bytes before the part in the third file');
  });

  for (const flags of [['IOSQE_ASYNC'], []])
    test(`a member can use the last lent byte, and a range beyond it fails with EFAULT${flags.length > 0 ? ' in io-wq workers' : ''}`, async (t) => {
      const { request, port, memory, complete } = await pendingRequest(t, 'READ');
      const { file, bytes } = patternFile(t, 8192, 3);
      const [fault, maxU32] = [-t.uapi.constant('EFAULT'), 2 ** 32 - 1];
      const members = [
        member('READ', file, 4095, 1),
        member('READ', file, 4095, 2),
        member('READ', file, 4096, 1),
        member('READ', file, 0, 4097),
        member('READ', file, 4096 - 512, 1024),
        member('READ', file, BigInt(maxU32), 4096),
        member('READ', file, BigInt(maxU32) + 1n, 512),
        member('READ', file, 1n << 40n, 512),
      ];
      const answered = await port.group(request, ...members.map((sqe) => ({ ...sqe, flags })));
      const expected = [0, 1, ...Array(7).fill(fault)];
      t.same(results(answered), expected, 'CQE res of leader, member of the last byte and members beyond it');
      await complete();
      t.equal(memory.bytes[4095], bytes[0], 'last byte of the client memory');
      t.bytes(memory.bytes.subarray(0, 4095), new Uint8Array(4095), 'client memory before the last byte');
    });

  test('a member of the wrong direction fails with EINVAL and transfers nothing', async (t) => {
    for (const kind of ['READ', 'WRITE'] as const) {
      const { request, port, memory, fail } = await pendingRequest(t, kind);
      const before = memory.bytes.slice();
      const { file, bytes } = patternFile(t, 4096, 4);
      const wrong = member(kind === 'READ' ? 'WRITE' : 'READ', file, 0, 4096);
      const answered = await port.group(request, wrong, { ...wrong, flags: ['IOSQE_ASYNC'] });
      const invalid = -t.uapi.constant('EINVAL');
      t.same(results(answered), [0, invalid, invalid], `CQE res of leader and members of a client ${kind}`);
      const after = new Uint8Array(4096);
      file.read(after, 0);
      t.bytes(after, bytes, `contents of the file that members of a client ${kind} named`);
      if (kind === 'WRITE') t.bytes(memory.bytes, before, 'memory of the writing client');
      await fail();
    }
  });

  test('a member that fails with EBADF does not cancel the other members', { class: 'choice' }, async (t) => {
    const { request, port, memory, complete } = await pendingRequest(t, 'READ');
    const { file, bytes } = patternFile(t, 4096, 5);
    const closed = { fd: 1000 };
    const answered = await port.group(
      request,
      member('READ', closed, 0, 2048),
      member('READ', file, 2048, 2048, 2048),
    );
    const expected = [0, -t.uapi.constant('EBADF'), 2048];
    t.same(results(answered), expected, 'CQE res of leader, failing member and other member');
    await complete();
    t.bytes(memory.bytes.subarray(2048), bytes.subarray(2048), 'half that the other member filled');
    t.bytes(memory.bytes.subarray(0, 2048), new Uint8Array(2048), 'half of the failed member');
  });

  test('a member whose opcode cannot use lent memory accesses the address in its SQE', {
    class: 'choice',
  }, async (t) => {
    const { request, port, memory, complete } = await pendingRequest(t, 'WRITE');
    const { file, bytes } = patternFile(t, 4096, 6);
    const userMemory = ioMemory(t, 4096);
    // struct iovec: base address and length.
    const iovec = ioMemory(t, 16);
    iovec.view.setBigUint64(0, userMemory.address, true);
    iovec.view.setBigUint64(8, 4096n, true);
    const answered = await port.group(
      request,
      { opcode: 'IORING_OP_READV', fd: file.fd, addr: iovec.address, len: 1 },
      { opcode: 'IORING_OP_NOP' },
    );
    t.same(results(answered), [0, 4096, 0], 'CQE res of leader, READV and NOP');
    t.bytes(userMemory.bytes, bytes, 'memory that the iovec names');
    t.bytes(memory.bytes, pattern(4096, 42), 'lent memory');
    await complete();
  });

  test('a member that also selects a provided buffer fails with EINVAL', { class: 'choice' }, async (t) => {
    const { request, port, fail } = await pendingRequest(t, 'READ');
    const { file } = patternFile(t, 4096, 7);
    const provided = ioMemory(t, 4096);
    const [providing] = await port.send({
      ...{ opcode: 'IORING_OP_PROVIDE_BUFFERS', fd: 1, addr: provided.address, len: 4096, off: 0 },
      more: { buf_group: 5 },
    });
    t.equal(providing?.res, 0, 'CQE res of IORING_OP_PROVIDE_BUFFERS');
    const answered = await port.group(request, {
      ...member('READ', file, 0, 4096),
      flags: ['IOSQE_BUFFER_SELECT'],
      more: { buf_group: 5 },
    });
    t.same(results(answered), [0, -t.uapi.constant('EINVAL')], 'CQE res of leader and member');
    t.bytes(provided.bytes, new Uint8Array(4096), 'contents of the provided buffer');
    await fail();
  });

  test('a member that reads a file without read_iter fails with EOPNOTSUPP', {
    class: 'choice',
  }, async (t) => {
    const { request, port, memory, complete } = await pendingRequest(t, 'READ');
    // kmsg_fops (kernel/printk/printk.c) has .read, which takes a user address, and no .read_iter.
    const log = t.use(new File('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK));
    const answered = await port.group(request, member('READ', log, 0, 4096, 0));
    t.same(results(answered), [0, -t.uapi.constant('EOPNOTSUPP')], 'CQE res of leader and member');
    await complete();
    t.bytes(memory.bytes, new Uint8Array(4096), 'client memory');
    t.ok(!memory.bytes.includes(STALE), 'no stale byte is left in the client memory');
  });
});
