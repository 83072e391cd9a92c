import { constants } from 'node:fs';
import { File, groupMarking, ioMemory, nvme, openRing, SyscallError, suite, test } from '../lib/index.ts';
import { UblkControl } from '../lib/ublk/control.ts';
import { ZERO_COPY } from '../lib/ublk/datapath.ts';
import { MIB, startServer } from '../lib/ublk/fixtures.ts';
import type { Completion, PumpSqe } from '../lib/ublk/pump.ts';
import { UblkServer, USER_COPY_FLAGS, ZERO_COPY_FLAGS } from '../lib/ublk/server.ts';
import { memoryTarget } from '../lib/ublk/target.ts';
import { failedResults, member, patternFile, pendingRequest, results } from './pending.ts';

const NOP: PumpSqe = { opcode: 'IORING_OP_NOP' };

suite('leaders', { ...ZERO_COPY.needs, class: 'choice' }, () => {
  test('a lending command outside a group fails with EINVAL', async (t) => {
    const { request, port, fail } = await pendingRequest(t, 'READ');
    const [ungrouped] = await port.send(port.provide(request, { grouped: false }));
    t.errno(ungrouped as Completion, 'EINVAL', 'CQE res of the ungrouped command');
    await fail();
  });

  test('a leader submitted without a member fails with EINVAL, and its request can still be committed', async (t) => {
    const { request, port, complete } = await pendingRequest(t, 'READ');
    const [leader] = await port.send(port.provide(request));
    t.errno(leader as Completion, 'EINVAL', 'CQE res of the leader without members');
    await complete();
  });

  test('a member that lends fails with EINVAL, and the rest of its group with ECANCELED', async (t) => {
    const { request, port, fail } = await pendingRequest(t, 'READ');
    const canceled = -t.uapi.constant('ECANCELED');
    const answered = await port.send({ ...NOP, grouped: true }, port.provide(request), NOP);
    const expected = [canceled, -t.uapi.constant('EINVAL'), canceled];
    t.same(results(answered), expected, 'CQE res of leader, lending member and last member');
    await fail();
  });

  test('a leader that also names a registered buffer fails with EINVAL', async (t) => {
    const { request, port, server, fail } = await pendingRequest(t, 'READ');
    server.queues[0]?.pump.ring.registerBuffers([ioMemory(t, 4096)]);
    const flags = t.uapi.bits('IORING_PROVIDE_GROUP_KBUF', 'IORING_URING_CMD_FIXED');
    const [leader] = await port.send(port.provide(request, { more: { uring_cmd_flags: flags } }), NOP);
    t.errno(leader as Completion, 'EINVAL', 'CQE res of the leader with IORING_URING_CMD_FIXED');
    await fail();
  });

  test('UBLK_U_IO_PROVIDE_IO_BUF without IORING_PROVIDE_GROUP_KBUF fails with EINVAL', async (t) => {
    const { request, port, fail } = await pendingRequest(t, 'READ');
    const [leader] = await port.send(port.provide(request, { more: { uring_cmd_flags: 0 } }), NOP);
    t.errno(leader as Completion, 'EINVAL', 'CQE res of the leader without the flag');
    await fail();
  });

  for (const name of ['UBLK_U_IO_FETCH_REQ', 'UBLK_U_IO_COMMIT_AND_FETCH_REQ', 'UBLK_U_IO_NEED_GET_DATA'])
    test(`${name} with IORING_PROVIDE_GROUP_KBUF fails with EOPNOTSUPP`, { class: 'contract' }, async (t) => {
      const { request, port, complete } = await pendingRequest(t, 'READ');
      const { file } = patternFile(t, 4096, 1);
      const cmd_op = t.uapi.constant(name);
      const answered = await port.send(
        port.provide(request, { more: { cmd_op } }),
        member('READ', file, 0, 512),
      );
      const expected = [-t.uapi.constant('EOPNOTSUPP'), -t.uapi.constant('ECANCELED')];
      t.same(failedResults(t, answered), expected, `CQE res of leader (${name}) and member`);
      await complete();
    });

  test('an NVMe command with IORING_PROVIDE_GROUP_KBUF fails with EOPNOTSUPP, and its member accesses no user memory', {
    devices: ['data'],
    class: 'safety',
  }, async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, constants.O_RDWR));
    const ring = openRing(t);
    const leader = ring.passthrough({
      fd: char.fd,
      userData: 1,
      command: nvme.transfer('read', device, { lba: 0, blocks: 1 }, ioMemory(t, device.blockSize, 7)),
    });
    t.uapi.write(leader, 'io_uring_sqe', { uring_cmd_flags: t.uapi.constant('IORING_PROVIDE_GROUP_KBUF') });
    groupMarking(t.uapi).mark(leader);
    const { file } = patternFile(t, 512, 8);
    // A kernel that took the member's offset for an address would read the file into this memory.
    const userMemory = ioMemory(t, 512);
    ring.sqe({ opcode: 'IORING_OP_READ', fd: file.fd, addr: userMemory.address, len: 512, userData: 2 });
    const cqes = await ring.complete();
    const expected = [-t.uapi.constant('EOPNOTSUPP'), -t.uapi.constant('ECANCELED')];
    t.same(failedResults(t, cqes), expected, 'CQE res of leader and member');
    t.bytes(userMemory.bytes, new Uint8Array(512), 'user memory at the address in the member SQE');
  });

  test('lending an absent request, a completed request or a flush fails with EINVAL', async (t) => {
    const { request, port, server, client, complete } = await pendingRequest(t, 'READ');
    const invalid = -t.uapi.constant('EINVAL');
    for (const [target, absent] of Object.entries({
      'a tag without a request': { ...request, tag: request.tag + 1 },
      'a tag beyond the last': { ...request, tag: 16 },
      'a queue beyond the last': { ...request, queue: server.queues.length },
      'the largest queue number': { ...request, queue: 65535 },
    }))
      t.equal((await port.group(absent, NOP))[0]?.res, invalid, `CQE res of a leader lending ${target}`);
    await complete();
    t.equal(
      (await port.group(request, NOP))[0]?.res,
      invalid,
      'CQE res of a leader lending the completed read',
    );
    const gate = server.holdBack();
    const synced = client.fsync();
    const [flush] = await gate.arrived();
    if (!flush) throw new Error('fsync() sent no request to the server');
    t.equal(flush.kind, 'flush', 'kind of the request that fsync() sends');
    t.equal((await port.group(flush, NOP))[0]?.res, invalid, 'CQE res of a leader lending the flush');
    gate.release(0);
    t.equal((await synced).res, 0, 'CQE res of the client fsync');
  });

  test('lending a lent request fails with EBUSY until the first group ends', async (t) => {
    const { request, port, memory, complete } = await pendingRequest(t, 'READ');
    const { file, bytes } = patternFile(t, 4096, 2);
    // Members are issued by task work after their leader, so both leaders of this submission run before the first member ends.
    const [first, second] = await Promise.all([
      port.group(request, { ...member('READ', file, 0, 4096), flags: ['IOSQE_ASYNC'] }),
      port.group(request, NOP),
    ]);
    t.same(results(first), [0, 4096], 'CQE res of leader and member of the first group');
    const busy = [-t.uapi.constant('EBUSY'), -t.uapi.constant('ECANCELED')];
    t.same(results(second), busy, 'CQE res of leader and member of the second group');
    t.bytes(memory.bytes, bytes, 'client memory after the first group');
    const later = results(await port.group(request, NOP));
    t.same(later, [0, 0], 'CQE res of leader and member of a later group');
    await complete();
  });

  test('lending a request of a device without UBLK_F_SUPPORT_ZERO_COPY fails with EOPNOTSUPP', async (t) => {
    const options = { flags: USER_COPY_FLAGS };
    const { request, port, fail } = await pendingRequest(t, 'READ', 4096, options);
    const [leader] = await port.group(request, NOP);
    t.errno(leader as Completion, 'EOPNOTSUPP', 'CQE res of the leader');
    await fail();
  });

  test('adding a device with UBLK_F_SUPPORT_ZERO_COPY but not UBLK_F_USER_COPY fails with EINVAL', {
    class: 'contract',
  }, async (t) => {
    const flags = ZERO_COPY_FLAGS.filter((name) => name !== 'UBLK_F_USER_COPY');
    try {
      t.use(await UblkServer.start(t.uapi, { target: memoryTarget(t, MIB), flags }));
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      const failure = `${error.syscall} ${error.code}`;
      t.equal(failure, 'UBLK_U_CMD_ADD_DEV EINVAL', 'command that fails, and its errno');
      return;
    }
    t.ok(false, 'UBLK_U_CMD_ADD_DEV fails');
  });

  test('UBLK_U_CMD_GET_FEATURES reports UBLK_F_SUPPORT_ZERO_COPY', async (t) => {
    using control = new UblkControl(t.uapi);
    const bit = BigInt(t.uapi.constant('UBLK_F_SUPPORT_ZERO_COPY'));
    t.equal((await control.features()) & bit, bit, 'UBLK_F_SUPPORT_ZERO_COPY in the features of the driver');
  });

  test('a device added with UBLK_F_SUPPORT_ZERO_COPY reports the flag', { class: 'contract' }, async (t) => {
    const { server } = await startServer(t, { target: memoryTarget(t, MIB), flags: ZERO_COPY_FLAGS });
    const { flags } = await server.control.info(server.id);
    const bit = t.uapi.constant('UBLK_F_SUPPORT_ZERO_COPY');
    t.equal(Number(BigInt(flags) & BigInt(bit)), bit, 'UBLK_F_SUPPORT_ZERO_COPY in the device flags');
  });
});
