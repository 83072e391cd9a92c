import {
  type Cqe,
  command,
  groupMarking,
  ioMemory,
  memberError,
  openRing,
  resultName,
  startChild,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { UblkClient } from '../lib/ublk/client.ts';
import { UblkControl } from '../lib/ublk/control.ts';
import { pathOptions, ZERO_COPY } from '../lib/ublk/datapath.ts';
import { eventually, MIB, temporaryPath } from '../lib/ublk/fixtures.ts';
import { peerServer } from '../lib/ublk/peer.ts';
import { UblkServer } from '../lib/ublk/server.ts';
import type { StrategyFactory } from '../lib/ublk/strategy.ts';
import {
  assertZeroed,
  commandSqe,
  LENGTH,
  leaderSqe,
  member,
  patternFile,
  pendingRequest,
  settlesSoon,
} from './pending.ts';

suite('servers', { ...ZERO_COPY.needs, class: 'contract' }, () => {
  test('committing an aborted request on another ring fails with ENODEV, and the request ends once with EIO', {
    class: 'choice',
  }, async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const ring = openRing(t, { shape: 'plain' });
    // The file table keeps the character device open after abandon().
    ring.registerFiles([pending.port.char.fd]);
    ring.sqe({
      ...commandSqe(t, pending, 'UBLK_U_IO_COMMIT_AND_FETCH_REQ'),
      ...{ fd: 0, flags: ['IOSQE_FIXED_FILE'] },
    });
    pending.server.abandon();
    t.errno(await pending.completion, 'EIO', 'CQE res of the client read');
    ring.submit();
    t.errno((await ring.wait(1))[0] as Cqe, 'ENODEV', 'CQE res of the late commit');
  });

  test('lending from another process fails, and its member accesses nothing', {
    class: 'safety',
  }, async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const { file } = patternFile(t, LENGTH, 14);
    const leader = groupMarking(t.uapi).marked({ ...leaderSqe(t, pending), userData: 1 });
    const commands = [leader, { ...member('READ', file, 0, LENGTH), userData: 2 }];
    const child = startChild(t, { commands, shape: 'plain', complete: true, keep: [file.fd] });
    const [lent, read] = (await child.completions()).sort((a, b) => a.tag - b.tag);
    t.ok((lent?.res ?? 0) < 0, `the leader fails (CQE res ${lent?.res})`);
    t.choice(resultName(lent?.res ?? 0), '-EPERM', 'CQE res of the leader');
    t.equal(memberError(t, read?.res ?? 0), -t.uapi.constant('ECANCELED'), 'CQE res of the member');
    await pending.complete();
    assertZeroed(t, pending);
  });

  /** Lends reads of the second half to a member that reads a FIFO without a writer; other requests are committed unfilled. */
  const stuck: StrategyFactory =
    ({ fd = -1 }) =>
    async (request, port) => {
      if (request.kind !== 'read' || request.offset < MIB / 2) return request.length;
      const answered = await port.group(request, { ...member('READ', { fd }, 0, 1), off: -1 });
      return answered[0]?.res ?? 0;
    };
  const start = peerServer('stuck', stuck);

  /** Starts a server in a peer process, and a client read of 4096 bytes at MIB / 2 whose member waits until the server dies. */
  async function stuckRead(t: Test, flags: readonly string[] = []) {
    const path = temporaryPath(t);
    command('mkfifo', path);
    const server = await start(t, { flags: [...ZERO_COPY.flags, ...flags], target: { path, size: MIB } });
    const client = t.use(new UblkClient(t, server.path));
    const memory = ioMemory(t, 4096);
    const completion = client.transfer('READ', memory, MIB / 2);
    // A test that fails before it awaits this must not end the agent by an unhandled rejection.
    completion.catch(() => {});
    t.bytes(await client.get(0, 4096), new Uint8Array(4096), 'client read of the unfilled first half');
    return { server, client, memory, completion };
  }

  test('killing a server while a member of its group waits fails the client read with EIO', async (t) => {
    const { server, client, completion } = await stuckRead(t);
    t.ok(!(await settlesSoon(completion)), 'the client read is pending while the member waits');
    await server.kill();
    t.errno(await completion, 'EIO', 'CQE res of the client read');
    using control = new UblkControl(t.uapi);
    const dead = t.uapi.constant('UBLK_S_DEV_DEAD');
    const isDead = async () => (await control.info(server.id)).state === dead;
    await eventually(t, 'the device state is UBLK_S_DEV_DEAD', isDead);
    client[Symbol.dispose]();
    await control.delete(server.id);
  });

  test('a request that a killed server had lent is reissued to the server that recovers the device', async (t) => {
    const flags = ['UBLK_F_USER_RECOVERY', 'UBLK_F_USER_RECOVERY_REISSUE'];
    const { server, memory, completion } = await stuckRead(t, flags);
    await server.kill();
    using control = new UblkControl(t.uapi);
    await eventually(t, 'recovery of the device can begin', () => control.beginRecovery(server.id));
    const { file, bytes } = patternFile(t, MIB, 12);
    t.use(
      await UblkServer.takeOver(t.uapi, server.id, {
        ...pathOptions(ZERO_COPY),
        target: { size: MIB, fd: file.fd },
      }),
    );
    t.equal((await completion).res, 4096, 'CQE res of the reissued client read');
    t.bytes(memory.bytes, bytes.subarray(MIB / 2, MIB / 2 + 4096), 'client memory of the reissued read');
  });
});
