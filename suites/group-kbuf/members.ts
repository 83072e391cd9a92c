import { constants } from 'node:fs';
import { File, ioMemory, pattern, suite, test } from '../lib/index.ts';
import { LENDING } from '../lib/ublk/way.ts';
import { inHand, member, OLD, results, sink, source } from './hand.ts';

const LENGTH = 64 << 10;

suite('members', LENDING.needs, () => {
  test('read parts of a request from several files, each at its place', async (t) => {
    const { request, port, memory, under, commit } = await inHand(t, 'READ', LENGTH);
    const [first, second] = [source(t, LENGTH, 1), source(t, LENGTH, 2)];
    const quarter = LENGTH / 4;
    const answered = await port.group(
      request,
      member('READ', first.file, 0, quarter, quarter),
      member('READ', second.file, 3 * quarter, quarter, 0),
      member('READ', second.file, quarter, quarter, 512),
      member('READ', first.file, 2 * quarter, quarter, 77),
    );
    t.same(results(answered), [0, quarter, quarter, quarter, quarter]);
    t.equal(answered[0]?.arrival, Math.max(...answered.map(({ arrival }) => arrival)), 'the leader is last');
    commit(LENGTH);
    t.equal((await under).res, LENGTH);
    const expected = [
      first.bytes.subarray(quarter, 2 * quarter),
      second.bytes.subarray(512, 512 + quarter),
      first.bytes.subarray(77, 77 + quarter),
      second.bytes.subarray(0, quarter),
    ];
    t.bytes(memory.bytes, Buffer.concat(expected));
  });

  test('write the same request to two files, and a part of it to a third', async (t) => {
    const { request, port, memory, under, commit } = await inHand(t, 'WRITE', LENGTH);
    const sinks = [sink(t, LENGTH), sink(t, LENGTH), sink(t, LENGTH)] as const;
    const answered = await port.group(
      request,
      member('WRITE', sinks[0].file, 0, LENGTH),
      member('WRITE', sinks[1].file, 0, LENGTH),
      member('WRITE', sinks[2].file, 4097, 8190, 3),
    );
    t.same(results(answered), [0, LENGTH, LENGTH, 8190]);
    commit(LENGTH);
    t.equal((await under).res, LENGTH);
    t.bytes(sinks[0].contents(), memory.bytes);
    t.bytes(sinks[1].contents(), memory.bytes);
    t.bytes(sinks[2].contents().subarray(3, 3 + 8190), memory.bytes.subarray(4097, 4097 + 8190), 'the part');
    t.bytes(sinks[2].contents().subarray(0, 3), new Uint8Array(3), 'what is before it');
  });

  for (const flags of [['IOSQE_ASYNC'], []])
    test(`the last byte can be used, none after it: EFAULT${flags.length > 0 ? ', in workers' : ''}`, async (t) => {
      const { request, port, memory, under, commit } = await inHand(t, 'READ');
      const { file, bytes } = source(t, 8192, 3);
      const [fault, most] = [-t.uapi.constant('EFAULT'), 2 ** 32 - 1];
      const answered = await port.group(
        request,
        ...[
          member('READ', file, 4095, 1),
          member('READ', file, 4095, 2),
          member('READ', file, 4096, 1),
          member('READ', file, 0, 4097),
          member('READ', file, 4096 - 512, 1024),
          member('READ', file, BigInt(most), 4096),
          member('READ', file, BigInt(most) + 1n, 512),
          member('READ', file, 1n << 40n, 512),
        ].map((one) => ({ ...one, flags })),
      );
      t.same(results(answered), [0, 1, ...Array(7).fill(fault)]);
      commit(4096);
      t.equal((await under).res, 4096);
      t.equal(memory.bytes[4095], bytes[0]);
      t.bytes(memory.bytes.subarray(0, 4095), new Uint8Array(4095), 'what was not to be had');
    });

  test('the wrong direction: EINVAL, and nothing is moved', async (t) => {
    for (const kind of ['READ', 'WRITE'] as const) {
      const { request, port, memory, under, commit } = await inHand(t, kind);
      const before = memory.bytes.slice();
      const { file, bytes } = source(t, 4096, 4);
      const wrong = member(kind === 'READ' ? 'WRITE' : 'READ', file, 0, 4096);
      const answered = await port.group(request, wrong, { ...wrong, flags: ['IOSQE_ASYNC'] });
      const invalid = -t.uapi.constant('EINVAL');
      t.same(results(answered), [0, invalid, invalid], kind);
      const after = new Uint8Array(4096);
      file.read(after, 0);
      t.bytes(after, bytes, 'the file');
      if (kind === 'WRITE') t.bytes(memory.bytes, before, 'the memory of who writes');
      commit(-t.uapi.constant('EIO'));
      t.errno(await under, 'EIO');
    }
  });

  test('one that fails does not end the others', async (t) => {
    const { request, port, memory, under, commit } = await inHand(t, 'READ');
    const { file, bytes } = source(t, 4096, 5);
    const closed = { fd: 1000 };
    const answered = await port.group(
      request,
      member('READ', closed, 0, 2048),
      member('READ', file, 2048, 2048, 2048),
    );
    t.same(results(answered), [0, -t.uapi.constant('EBADF'), 2048]);
    commit(4096);
    t.equal((await under).res, 4096);
    t.bytes(memory.bytes.subarray(2048), bytes.subarray(2048));
    t.bytes(memory.bytes.subarray(0, 2048), new Uint8Array(2048));
  });

  test('opcodes that cannot use it use memory of their own, as ever', async (t) => {
    const { request, port, memory, under, commit } = await inHand(t, 'WRITE');
    const { file, bytes } = source(t, 4096, 6);
    const own = ioMemory(t, 4096);
    const parts = ioMemory(t, 16);
    parts.view.setBigUint64(0, own.address, true);
    parts.view.setBigUint64(8, 4096n, true);
    const answered = await port.group(
      request,
      { opcode: 'IORING_OP_READV', fd: file.fd, addr: parts.address, len: 1 },
      { opcode: 'IORING_OP_NOP' },
    );
    t.same(results(answered), [0, 4096, 0]);
    t.bytes(own.bytes, bytes);
    t.bytes(memory.bytes, pattern(4096, 42), 'what was lent');
    commit(4096);
    t.equal((await under).res, 4096);
  });

  test('a provided buffer as well: EINVAL', async (t) => {
    const { request, port, under, commit } = await inHand(t, 'READ');
    const { file } = source(t, 4096, 7);
    const provided = ioMemory(t, 4096);
    const [given] = await port.send({
      ...{ opcode: 'IORING_OP_PROVIDE_BUFFERS', fd: 1, addr: provided.address, len: 4096, off: 0 },
      more: { buf_group: 5 },
    });
    t.equal(given?.res, 0);
    const both = member('READ', file, 0, 4096);
    const answered = await port.group(request, {
      ...both,
      flags: ['IOSQE_BUFFER_SELECT'],
      more: { buf_group: 5 },
    });
    t.same(results(answered), [0, -t.uapi.constant('EINVAL')]);
    t.bytes(provided.bytes, new Uint8Array(4096), 'the provided buffer');
    commit(-t.uapi.constant('EIO'));
    t.errno(await under, 'EIO');
  });

  test('a file that only reads to an address of user space: EOPNOTSUPP', async (t) => {
    const { request, port, memory, under, commit } = await inHand(t, 'READ');
    const log = t.use(new File('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK));
    const answered = await port.group(request, member('READ', log, 0, 4096, 0));
    t.same(results(answered), [0, -t.uapi.constant('EOPNOTSUPP')]);
    commit(4096);
    t.equal((await under).res, 4096);
    t.bytes(memory.bytes, new Uint8Array(4096));
    t.ok(!memory.bytes.includes(OLD), 'contents of before');
  });
});
