import {
  type Cqe,
  command,
  groupMarking,
  openRing,
  startChild,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { childServer } from '../lib/ublk/child.ts';
import { Client } from '../lib/ublk/client.ts';
import { Control } from '../lib/ublk/control.ts';
import { UblkServer } from '../lib/ublk/server.ts';
import { eventually, MIB, temporary } from '../lib/ublk/setup.ts';
import type { Answering } from '../lib/ublk/strategy.ts';
import { how, LENDING } from '../lib/ublk/way.ts';
import { about, check, inHand, LENGTH, lending, member, said, soon, source } from './hand.ts';

suite('servers', LENDING.needs, () => {
  test('a server commits by another ring what was aborted with the first: the request has ended once', async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const ring = openRing(t, { shape: 'plain' });
    // The device stays open by this.
    ring.registerFiles([hand.port.char.fd]);
    ring.sqe({
      ...about(t, hand, 'UBLK_U_IO_COMMIT_AND_FETCH_REQ'),
      ...{ fd: 0, flags: ['IOSQE_FIXED_FILE'] },
    });
    hand.server.abandon();
    t.errno(await hand.under, 'EIO');
    ring.submit();
    t.errno((await ring.wait(1))[0] as Cqe, 'ENODEV');
  });

  test('a thread of another process: EPERM', async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const { name } = groupMarking(t.uapi);
    if (name !== 'IOSQE_SQE_GROUP') t.skip('children write flags by their names');
    const leader = { ...lending(t, hand), flags: [name], userData: 1 };
    const commands = [leader, { opcode: 'IORING_OP_NOP', userData: 2 }];
    const child = startChild(t, { commands, shape: 'plain', complete: true });
    const expected = [`2:-${t.uapi.constant('ECANCELED')}`, `1:-${t.uapi.constant('EPERM')}`];
    t.same(said(await child.completions()), expected);
    hand.commit(LENGTH);
    t.equal((await hand.under).res, LENGTH);
    check(t, hand);
  });

  const stuck: Answering =
    ({ fd = -1 }) =>
    async (request, port) => {
      if (request.kind !== 'read' || request.offset < MIB / 2) return request.length;
      const answered = await port.group(request, { ...member('READ', { fd }, 0, 1), off: -1 });
      return answered[0]?.res ?? 0;
    };
  const start = childServer('stuck', stuck);

  /** A server in a process of its own, and a read of its second half that is lent to a member who waits for ever. */
  async function lentForEver(t: Test, flags: readonly string[] = []) {
    const path = temporary(t);
    command('mkfifo', path);
    const server = await start(t, { flags: [...LENDING.flags, ...flags], target: { path, size: MIB } });
    const client = t.use(new Client(t, server.path));
    const under = client.get(MIB / 2, 4096);
    // For who awaits it later, or never.
    under.catch(() => {});
    t.bytes(await client.get(0, 4096), new Uint8Array(4096), 'another request, that nobody fills');
    return { server, client, under };
  }

  test('a server is killed while a member of its group waits', async (t) => {
    const { server, client, under } = await lentForEver(t);
    const failed = under.then(
      () => 'it was answered',
      (error: Error) => error.message,
    );
    t.ok(!(await soon(failed)), 'it was answered');
    await server.kill();
    const message = await failed;
    t.ok(message.includes('a read at'), message);
    using control = new Control(t.uapi);
    const dead = t.uapi.constant('UBLK_S_DEV_DEAD');
    await eventually(t, 'the kernel stops it', async () => (await control.info(server.id)).state === dead);
    client[Symbol.dispose]();
    await control.delete(server.id);
  });

  test('a server is killed, and another goes on: what was lent is asked for again', async (t) => {
    const { server, under } = await lentForEver(t, ['UBLK_F_USER_RECOVERY', 'UBLK_F_USER_RECOVERY_REISSUE']);
    await server.kill();
    using control = new Control(t.uapi);
    await eventually(t, 'the device is free for another server', () => control.beginRecovery(server.id));
    const { file, bytes } = source(t, MIB, 12);
    t.use(
      await UblkServer.takeOver(t.uapi, server.id, {
        ...how(LENDING),
        target: { size: MIB, fd: file.fd },
      }),
    );
    t.bytes(await under, bytes.subarray(MIB / 2, MIB / 2 + 4096));
  });
});
