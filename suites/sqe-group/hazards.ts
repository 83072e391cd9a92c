import { ioMemory, pipe, suite, test, until } from '../lib/index.ts';
import { collect } from './collect.ts';
import { badFile, GroupRing, nop, pipeRead } from './groups.ts';

const LINK = { flags: ['IOSQE_IO_LINK'] };

suite('what groups and links must not do together', { class: 'safety' }, () => {
  test('a linked timeout as a member inside a link leaves the ring usable, and the ring is freed', async (t) => {
    const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
    const trace = pipe(t);
    // The ring keeps the registered writer open until it is freed, which takes the last request to end.
    groupRing.ring.registerFiles([trace.writer]);
    trace.closeWriter();
    const spec = ioMemory(t, 16);
    spec.view.setBigInt64(0, 1n, true);
    groupRing.write(nop(1, LINK));
    // A kernel that arms the request before the group would take the leader for its timeout.
    groupRing.writeGroup(nop(2), {
      opcode: 'IORING_OP_LINK_TIMEOUT',
      addr: spec.address,
      len: 1,
      userData: 3,
    });
    groupRing.write(nop(9));
    const cqes = await collect(groupRing, 4);
    t.ok(
      cqes.some(({ tag, res }) => tag === 9 && res === 0),
      'a request behind the link completes',
    );
    groupRing.ring.close();
    await until('the ring is freed', trace.released, 10_000);
  });

  test('a linked timeout of a group whose member waits leaves the ring usable, and the ring is freed', async (t) => {
    const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
    const [trace, empty] = [pipe(t), pipe(t)];
    groupRing.ring.registerFiles([trace.writer]);
    trace.closeWriter();
    const spec = ioMemory(t, 16);
    spec.view.setBigInt64(8, 1_000_000n, true);
    // The leader has completed when the timeout expires, but posts its CQE and goes on to its link only with its last member.
    groupRing.writeGroup(nop(1, LINK), pipeRead(t, empty, 2), nop(3));
    groupRing.write({ opcode: 'IORING_OP_LINK_TIMEOUT', addr: spec.address, len: 1, userData: 4 });
    groupRing.write(nop(9));
    const cqes = await collect(groupRing, 5);
    t.ok(
      cqes.some(({ tag, res }) => tag === 9 && res === 0),
      'a request behind the group completes',
    );
    groupRing.ring.close();
    await until('the ring is freed', trace.released, 10_000);
  });

  test('a write that is a member of a group is not executed when the link before it has failed', async (t) => {
    const groupRing = new GroupRing(t);
    const target = pipe(t);
    const { address } = ioMemory(t, 1, 1);
    const write = { opcode: 'IORING_OP_WRITE', fd: target.writer, addr: address, len: 1, off: -1 };
    groupRing.write(badFile(1, LINK));
    groupRing.writeGroup(nop(2), { ...write, userData: 3 });
    const cqes = await collect(groupRing, 3);
    const written = cqes.find(({ tag }) => tag === 3);
    t.ok(!written || written.res < 0, `the write fails (CQE res ${written?.res})`);
    t.equal(target.drain().length, 0, 'bytes in the pipe');
  });
});
