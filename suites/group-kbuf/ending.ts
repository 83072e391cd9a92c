import { readFileSync } from 'node:fs';
import { before } from '../binding/index.ts';
import {
  command,
  groupMarking,
  openRing,
  type Pipe,
  pipe,
  startChild,
  suite,
  type Test,
  type TestRing,
  test,
  until,
} from '../lib/index.ts';
import { childServer } from '../ublk/child.ts';
import { Client } from '../ublk/client.ts';
import { Control } from '../ublk/control.ts';
import type { Answered } from '../ublk/pump.ts';
import { eventually, MIB, temporary } from '../ublk/setup.ts';
import { type Answering, copyIn } from '../ublk/strategy.ts';
import { LENDING } from '../ublk/way.ts';
import { about, type InHand, inHand, lending, member, OLD, results, source } from './hand.ts';

const LENGTH = 8192;
const soon = (promise: Promise<unknown>) => before(performance.now() + 300, promise);

/** On a ring of the test's own: a leader (1) that lends, and a member (2) that waits for a pipe; another (3) does not. */
function waitingGroup(t: Test, hand: InHand, held: Pipe, flags: readonly string[] = []): TestRing {
  const ring = openRing(t, { shape: 'plain' });
  const { mark } = groupMarking(t.uapi);
  mark(ring.sqe({ ...lending(t, hand), userData: 1 }));
  mark(ring.sqe({ ...member('READ', { fd: held.reader }, 512, 1), off: -1, userData: 2, flags }));
  ring.sqe({ opcode: 'IORING_OP_NOP', userData: 3 });
  t.equal(ring.submit(), 3);
  return ring;
}

const said = (cqes: readonly { tag: number; res: number }[]) => cqes.map(({ tag, res }) => `${tag}:${res}`);

/** Zeroes, but for the byte that the member has read from the pipe. */
function check(t: Test, { memory }: InHand): void {
  t.ok(!memory.bytes.includes(OLD), 'contents of before');
  t.bytes(memory.bytes, new Uint8Array(memory.length));
}

suite('ends', LENDING.needs, () => {
  test('what is lent can neither be committed nor copied to: EBUSY', async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const held = pipe(t);
    const ring = waitingGroup(t, hand, held);
    t.same(said(await ring.wait(1)), ['3:0']);
    const [committed] = await hand.port.send(about(t, hand, 'UBLK_U_IO_COMMIT_AND_FETCH_REQ'));
    t.errno(committed as Answered, 'EBUSY');
    t.throws(() => copyIn(hand.request, hand.port, new Uint8Array(512).fill(OLD)), 'EBUSY');
    t.ok(!(await soon(hand.under)), 'the client had it while a member could write');
    held.feed();
    t.same(said(await ring.wait(2)), ['2:1', '1:0']);
    hand.commit(LENGTH);
    t.equal((await hand.under).res, LENGTH);
    check(t, hand);
  });

  for (const [how, flags] of [
    ['by polling', []],
    ['in a worker', ['IOSQE_ASYNC']],
  ] as const) {
    const blocking = flags.length > 0;
    test(`a group whose member waits ${how} is cancelled: the pages come back`, async (t) => {
      const hand = await inHand(t, 'READ', LENGTH);
      const ring = waitingGroup(t, hand, pipe(t, { blocking }), flags);
      t.same(said(await ring.wait(1)), ['3:0']);
      ring.sqe({ opcode: 'IORING_OP_ASYNC_CANCEL', addr: 1n, userData: 100 });
      ring.submit();
      const cqes = await ring.wait(3);
      const gone = [-t.uapi.constant('ECANCELED'), -t.uapi.constant('EINTR')];
      t.ok(gone.includes(cqes.find(({ tag }) => tag === 2)?.res ?? 0), said(cqes).join(' '));
      t.equal(cqes.find(({ tag }) => tag === 1)?.res, 0);
      hand.commit(LENGTH);
      t.equal((await hand.under).res, LENGTH);
      check(t, hand);
    });

    test(`a ring is closed while its group's member waits ${how}: the pages come back`, async (t) => {
      const hand = await inHand(t, 'READ', LENGTH);
      const ring = waitingGroup(t, hand, pipe(t, { blocking }), flags);
      t.same(said(await ring.wait(1)), ['3:0']);
      ring.close();
      await eventually(t, 'the pages are back', async () => {
        const [leader] = await hand.port.group(hand.request, { opcode: 'IORING_OP_NOP' });
        return leader?.res === 0;
      });
      hand.commit(LENGTH);
      t.equal((await hand.under).res, LENGTH);
      check(t, hand);
    });
  }

  test('a device is stopped while pages are lent: it waits for them', async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const held = pipe(t);
    const ring = waitingGroup(t, hand, held);
    t.same(said(await ring.wait(1)), ['3:0']);
    const stopped = hand.server.stop();
    t.ok(!(await soon(stopped)), 'it was stopped');
    held.feed();
    t.same(said(await ring.wait(2)), ['2:1', '1:0']);
    hand.commit(LENGTH);
    t.equal((await hand.under).res, LENGTH);
    await stopped;
  });

  test('a server that goes while another ring has its pages: the client hears of it when they are back', async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const held = pipe(t);
    const ring = waitingGroup(t, hand, held);
    t.same(said(await ring.wait(1)), ['3:0']);
    hand.server.abandon();
    t.ok(!(await soon(hand.under)), 'the client had it while a member could write');
    held.feed();
    t.same(said(await ring.wait(2)), ['2:1', '1:0']);
    t.errno(await hand.under, 'EIO');
  });

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

  test('a server is killed while a member of its group waits', async (t) => {
    const path = temporary(t);
    command('mkfifo', path);
    const server = await start(t, { flags: LENDING.flags, target: { path, size: MIB } });
    const client = t.use(new Client(t, server.path));
    const under = client.get(MIB / 2, 4096);
    const failed = under.then(
      () => 'it was answered',
      (error: Error) => error.message,
    );
    t.bytes(await client.get(0, 4096), new Uint8Array(4096), 'another request, that nobody fills');
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

  test('two thousand groups leave no memory behind', { timeoutMs: 120_000 }, async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const { file } = source(t, LENGTH, 1);
    const round = async (groups: number) => {
      for (let done = 0; done < groups; done++)
        await hand.port.group(hand.request, member('READ', file, 100, 1000));
    };
    const used = () => Number(/^SUnreclaim: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
    await round(200);
    const at = used();
    await round(2000);
    // Each has taken two objects of 64 bytes or more: 250 kB, were they left.
    await until(`unreclaimable slabs are below ${at + 100} kB`, () => used() < at + 100);
    t.same(results(await hand.port.group(hand.request, member('READ', file, 0, LENGTH))), [0, LENGTH]);
    hand.commit(LENGTH);
    t.equal((await hand.under).res, LENGTH);
  });
});
