import { constants } from 'node:fs';
import { File, ioMemory, nvme, openRing, SyscallError, suite, test } from '../lib/index.ts';
import type { Answered, PumpSqe } from '../lib/ublk/pump.ts';
import { UblkServer, USER_COPY_FLAGS, ZERO_COPY_FLAGS } from '../lib/ublk/server.ts';
import { MIB, served } from '../lib/ublk/setup.ts';
import { memoryTarget } from '../lib/ublk/target.ts';
import { LENDING } from '../lib/ublk/way.ts';
import { inHand, member, results, source } from './hand.ts';

const MEMBER: PumpSqe = { opcode: 'IORING_OP_NOP' };

suite('leaders', LENDING.needs, () => {
  test('one that is no group: EINVAL', async (t) => {
    const { request, port, under, commit } = await inHand(t, 'READ');
    const [alone] = await port.send(port.provide(request, { grouped: false }));
    t.errno(alone as Answered, 'EINVAL');
    commit(-t.uapi.constant('EIO'));
    t.errno(await under, 'EIO');
  });

  test('one whose group was cut off before it had a member: EINVAL, and the request can still be answered', async (t) => {
    const { request, port, under, commit } = await inHand(t, 'READ');
    const [cutOff] = await port.send(port.provide(request));
    t.errno(cutOff as Answered, 'EINVAL');
    commit(4096);
    t.equal((await under).res, 4096);
  });

  test('a member that wants to lend: EINVAL, and its group ends', async (t) => {
    const { request, port, under, commit } = await inHand(t, 'READ');
    const canceled = -t.uapi.constant('ECANCELED');
    const answered = await port.send(
      { opcode: 'IORING_OP_NOP', grouped: true },
      port.provide(request),
      MEMBER,
    );
    t.same(results(answered), [canceled, -t.uapi.constant('EINVAL'), canceled]);
    commit(-t.uapi.constant('EIO'));
    t.errno(await under, 'EIO');
  });

  test('one with a registered buffer: EINVAL', async (t) => {
    const { request, port, server, under, commit } = await inHand(t, 'READ');
    server.queues[0]?.pump.ring.registerBuffers([ioMemory(t, 4096)]);
    const flags = t.uapi.bits('IORING_PROVIDE_GROUP_KBUF', 'IORING_URING_CMD_FIXED');
    const answered = await port.send(port.provide(request, { more: { uring_cmd_flags: flags } }), MEMBER);
    t.equal(answered[0]?.res, -t.uapi.constant('EINVAL'));
    commit(-t.uapi.constant('EIO'));
    t.errno(await under, 'EIO');
  });

  test('one that does not say that it lends: EINVAL', async (t) => {
    const { request, port, under, commit } = await inHand(t, 'READ');
    const answered = await port.send(port.provide(request, { more: { uring_cmd_flags: 0 } }), MEMBER);
    t.equal(answered[0]?.res, -t.uapi.constant('EINVAL'));
    commit(-t.uapi.constant('EIO'));
    t.errno(await under, 'EIO');
  });

  for (const name of ['UBLK_U_IO_FETCH_REQ', 'UBLK_U_IO_COMMIT_AND_FETCH_REQ', 'UBLK_U_IO_NEED_GET_DATA'])
    test(`another command, ${name}, that says so: EOPNOTSUPP`, async (t) => {
      const { request, port, under, commit } = await inHand(t, 'READ');
      const { file } = source(t, 4096, 1);
      const cmd_op = t.uapi.constant(name);
      const answered = await port.send(
        port.provide(request, { more: { cmd_op } }),
        member('READ', file, 0, 512),
      );
      t.same(results(answered), [-t.uapi.constant('EOPNOTSUPP'), -t.uapi.constant('ECANCELED')]);
      commit(4096);
      t.equal((await under).res, 4096, 'the request is the same');
    });

  test('a command of a driver that lends nothing: EOPNOTSUPP, and no offset is taken for an address', {
    devices: ['data'],
  }, async (t) => {
    const device = t.device('data');
    const char = t.use(new File(device.char, constants.O_RDWR));
    const memory = ioMemory(t, device.blockSize, 7);
    const ring = openRing(t);
    const view = ring.passthrough({
      fd: char.fd,
      userData: 1,
      flags: ['IOSQE_SQE_GROUP'],
      command: nvme.transfer('read', device, { lba: 0, blocks: 1 }, memory),
    });
    t.uapi.write(view, 'io_uring_sqe', { uring_cmd_flags: t.uapi.constant('IORING_PROVIDE_GROUP_KBUF') });
    const { file } = source(t, 512, 8);
    const address = ioMemory(t, 512);
    ring.sqe({ opcode: 'IORING_OP_READ', fd: file.fd, addr: address.address, len: 512, userData: 2 });
    const cqes = await ring.complete();
    t.same(results(cqes as Answered[]), [-t.uapi.constant('EOPNOTSUPP'), -t.uapi.constant('ECANCELED')]);
    t.bytes(address.bytes, new Uint8Array(512), 'memory of user space');
  });

  test('requests that are not there, and one without data: EINVAL', async (t) => {
    const { request, port, server, client, under, commit } = await inHand(t, 'READ');
    const invalid = -t.uapi.constant('EINVAL');
    for (const [what, other] of Object.entries({
      'a tag that has no request': { ...request, tag: request.tag + 1 },
      'a tag after the last': { ...request, tag: 16 },
      'a queue after the last': { ...request, queue: server.queues.length },
      'the last queue there could be': { ...request, queue: 65535 },
    }))
      t.equal((await port.group(other, MEMBER))[0]?.res, invalid, what);
    commit(4096);
    t.equal((await under).res, 4096);
    t.equal((await port.group(request, MEMBER))[0]?.res, invalid, 'a request that has ended');
    const held = server.holdBack();
    const synced = client.fsync();
    const [flush] = await held.arrived();
    if (!flush) throw new Error('no flush');
    t.equal(flush.kind, 'flush');
    t.equal((await port.group(flush, MEMBER))[0]?.res, invalid, 'a flush');
    held.release(0);
    t.equal((await synced).res, 0);
  });

  test('a request that is lent already: EBUSY, and later it can be lent again', async (t) => {
    const { request, port, under, commit } = await inHand(t, 'READ');
    const { file, bytes } = source(t, 4096, 2);
    const busy = -t.uapi.constant('EBUSY');
    // The outer group's member is a leader's turn away: both are submitted together.
    const [outer, inner] = await Promise.all([
      port.group(request, { ...member('READ', file, 0, 4096), flags: ['IOSQE_ASYNC'] }),
      port.group(request, MEMBER),
    ]);
    t.same(results(outer), [0, 4096]);
    t.same(results(inner), [busy, -t.uapi.constant('ECANCELED')]);
    t.same(results(await port.group(request, MEMBER)), [0, 0], 'later');
    commit(4096);
    t.equal((await under).res, 4096);
    t.equal(bytes.length, 4096);
  });

  test('a device without zero copy: EOPNOTSUPP', async (t) => {
    const { request, port, under, commit } = await inHand(t, 'READ', 4096, { flags: USER_COPY_FLAGS });
    t.equal((await port.group(request, MEMBER))[0]?.res, -t.uapi.constant('EOPNOTSUPP'));
    commit(-t.uapi.constant('EIO'));
    t.errno(await under, 'EIO');
  });

  test('zero copy without user copy: EINVAL when the device is added', async (t) => {
    const flags = ZERO_COPY_FLAGS.filter((name) => name !== 'UBLK_F_USER_COPY');
    try {
      t.use(await UblkServer.start(t.uapi, { target: memoryTarget(t, MIB), flags }));
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      t.equal(`${error.syscall} ${error.code}`, 'UBLK_U_CMD_ADD_DEV EINVAL');
      return;
    }
    t.ok(false, 'it was added');
  });

  test('a device says that it has zero copy', async (t) => {
    const { server } = await served(t, { target: memoryTarget(t, MIB), flags: ZERO_COPY_FLAGS });
    const { flags } = await server.control.info(server.id);
    const bit = t.uapi.constant('UBLK_F_SUPPORT_ZERO_COPY');
    t.equal(Number(BigInt(flags) & BigInt(bit)), bit);
  });
});
