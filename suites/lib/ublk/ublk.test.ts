import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { buildBinding } from '../../binding/build.mjs';
import { File, loadBinding } from '../../binding/index.ts';
import { hostUapi } from '../../fakes/host-uapi.ts';
import { UapiTable } from '../uapi.ts';
import { Gate } from './gate.ts';
import { Pump } from './pump.ts';
import { Queue } from './queue.ts';
import { type BlockRequest, RequestLayout } from './request.ts';
import { partitionsRead } from './scan.ts';
import { transferSqe, zeroCopy } from './strategy.ts';

loadBinding(await buildBinding());
const host = await hostUapi();
/** Constants that older headers of the host lack (include/uapi/linux/ublk_cmd.h). */
const userCopyUapi = { UBLKSRV_IO_BUF_OFFSET: 0x8000_0000, UBLK_TAG_OFF: 25, UBLK_QID_OFF: 41 };
/** Constants that kernels/series/group-kbuf adds; the numbers only need to differ from the others. */
const seriesUapi = {
  IOSQE_SQE_GROUP: 128,
  UBLK_U_IO_PROVIDE_IO_BUF: 0xc0107523,
  IORING_PROVIDE_GROUP_KBUF: 2,
};
const uapi = new UapiTable({ ...host, constants: { ...host.constants, ...userCopyUapi, ...seriesUapi } });
const read: BlockRequest = {
  ...{ queue: 1, tag: 3, kind: 'read', op: 0, fua: false, offset: 8192, length: 4096 },
};

t.test(
  'a descriptor decodes to a request in bytes, and its data has a position in the character device',
  (t) => {
    const layout = new RequestLayout(uapi);
    const descriptors = new DataView(new ArrayBuffer(4 * layout.descriptorSize));
    const fieldAt = (field: string) =>
      2 * layout.descriptorSize + uapi.field('ublksrv_io_desc', field).offset;
    const setOp = (op: number) => descriptors.setUint32(fieldAt('op_flags'), op, true);
    descriptors.setUint32(fieldAt('nr_sectors'), 24, true);
    descriptors.setBigUint64(fieldAt('start_sector'), 2n ** 33n, true);
    setOp(uapi.constant('UBLK_IO_OP_WRITE') | uapi.constant('UBLK_IO_F_FUA'));
    const request = layout.decode(descriptors, 5, 2);
    t.match(request, { queue: 5, tag: 2, kind: 'write', fua: true, offset: 2 ** 42, length: 24 * 512 });
    setOp(uapi.constant('UBLK_IO_OP_FLUSH'));
    t.match(layout.decode(descriptors, 5, 2), { kind: 'flush', fua: false, offset: 0, length: 0 });
    setOp(uapi.constant('UBLK_IO_OP_DISCARD'));
    t.match(layout.decode(descriptors, 5, 2), { kind: 'other', op: 3 });
    // include/uapi/linux/ublk_cmd.h: 25 bits of offset, 16 of tag, 12 of queue.
    t.equal(layout.position(request, 77), 0x8000_0000 + 5 * 2 ** 41 + 2 * 2 ** 25 + 77);
    t.end();
  },
);

t.test('zero copy submits a leader that lends, and every SQE but the last has the group flag', (t) => {
  const path = join(t.testdir({ char: 'x'.repeat(8192) }), 'char');
  using char = new File(path, constants.O_RDWR);
  const info = { id: 0, queues: 1, depth: 4, state: 0, flags: 0, maxIo: 4096 };
  const options = { index: 0, strategy: () => 0, gate: new Gate(), entries: 8 };
  using queue = new Queue({ uapi, char, info, ...options });
  const target = { size: 8192, fd: 77 };
  const member = transferSqe(target, read, 512n, uapi);
  queue.group(read, { ...member, flags: ['IOSQE_ASYNC'] }, member).catch(() => {});
  const sqe = (index: number) => new DataView(queue.pump.ring.sqes, index * 64, 64);
  const field = (index: number, name: string) => {
    const { offset, size } = uapi.field('io_uring_sqe', name);
    return size === 1 ? sqe(index).getUint8(offset) : sqe(index).getUint32(offset, true);
  };
  const flags = [0, 1, 2].map((index) => field(index, 'flags'));
  t.same(flags, [128, 128 | uapi.constant('IOSQE_ASYNC'), 0]);
  t.equal(field(0, 'opcode'), uapi.constant('IORING_OP_URING_CMD'));
  t.equal(field(0, 'cmd_op'), seriesUapi.UBLK_U_IO_PROVIDE_IO_BUF);
  t.equal(field(0, 'uring_cmd_flags'), seriesUapi.IORING_PROVIDE_GROUP_KBUF);
  t.equal(field(0, 'fd'), char.fd);
  const { offset } = uapi.field('io_uring_sqe', 'cmd');
  t.same([sqe(0).getUint16(offset, true), sqe(0).getUint16(offset + 2, true)], [1, 3], 'queue and tag');
  for (const index of [1, 2]) {
    t.equal(field(index, 'opcode'), uapi.constant('IORING_OP_READ'));
    t.same(
      ['fd', 'addr', 'len', 'off'].map((name) => field(index, name)),
      [77, 512, 4096, 8192],
    );
  }
  t.end();
});

t.test(
  'zero copy throws SkipError without the names in the headers, and TypeError for a target in memory',
  (t) => {
    t.throws(() => zeroCopy({ size: 512, fd: 1 }, new UapiTable(host)), { name: 'SkipError' });
    t.throws(() => zeroCopy({ size: 512 }, uapi), TypeError);
    t.end();
  },
);

t.test(
  'a pump resolves each SQE with its completion, also for more SQEs than its ring has entries',
  async (t) => {
    using pump = new Pump(uapi, { entries: 4 });
    const completions = Array.from({ length: 30 }, (_, index) =>
      pump.execute({ opcode: index % 3 === 0 ? 'IORING_OP_FSYNC' : 'IORING_OP_NOP' }),
    );
    const results = (await Promise.all(completions)).map(({ res }) => res);
    t.same(
      results,
      results.map((_, index) => (index % 3 === 0 ? -9 : 0)),
    );
    t.throws(() => pump.send(...Array.from({ length: 5 }, () => ({ opcode: 'IORING_OP_NOP' }))), RangeError);
  },
);

t.test('closing a pump rejects pending completions and further sends', async (t) => {
  const pump = new Pump(uapi);
  const { offset } = uapi.field('io_uring_sqe', 'addr');
  t.ok(offset > 0);
  const pending = pump.execute({ opcode: 'IORING_OP_POLL_ADD', fd: pump.ring.fd });
  setImmediate(() => pump.close());
  await t.rejects(pending, /closed/);
  t.throws(() => pump.send({ opcode: 'IORING_OP_NOP' }), /closed/);
});

t.test('held requests arrive in order, and continue to the strategy or complete with a result', async (t) => {
  const gate = new Gate();
  const held = gate.hold(({ kind }) => kind === 'read');
  t.equal(await gate.pass({ ...read, kind: 'write' }), undefined);
  const passed = [gate.pass(read), gate.pass({ ...read, tag: 4 })];
  t.same(
    (await held.arrived(2)).map(({ tag }) => tag),
    [3, 4],
  );
  await t.rejects(held.arrived(3, 20), /2 of 3 requests/);
  held.release();
  t.same(await Promise.all(passed), [undefined, undefined]);
  t.equal(await gate.pass(read), undefined, 'a read after the release');
  gate.hold(() => true);
  const failed = gate.pass(read);
  gate.open(-5);
  t.equal(await failed, -5);
});

t.test(
  'a device is opened after its first request, and the event loop runs while the open waits',
  async (t) => {
    // open(2) of a FIFO waits for a writer, as that of a device waits for the worker that reads its partitions.
    const path = join(t.testdir({}), 'device');
    execFileSync('mkfifo', [path]);
    let fetch = () => {};
    const fetched = new Promise<void>((resolve) => {
      fetch = resolve;
    });
    const steps: string[] = [];
    const done = partitionsRead(path, [{ fetched } as Queue]).then(() => steps.push('read'));
    setImmediate(() => {
      steps.push('fetched');
      fetch();
    });
    await fetched;
    // The open of the writer resolves only when that of the reader is under way.
    const writer = await open(path, constants.O_WRONLY);
    steps.push('written');
    await Promise.all([done, writer.close()]);
    t.same(steps.slice(0, 1), ['fetched']);
    t.same(new Set(steps), new Set(['fetched', 'written', 'read']));
  },
);
