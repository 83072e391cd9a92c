import { existsSync, readFileSync } from 'node:fs';
import {
  groupMarking,
  openRing,
  type Pipe,
  pipe,
  suite,
  type Test,
  type TestRing,
  test,
  until,
} from '../lib/index.ts';
import type { Answered } from '../lib/ublk/pump.ts';
import { eventually } from '../lib/ublk/setup.ts';
import { copyIn } from '../lib/ublk/strategy.ts';
import { LENDING } from '../lib/ublk/way.ts';
import {
  about,
  check,
  type InHand,
  inHand,
  LENGTH,
  lending,
  member,
  OLD,
  results,
  said,
  soon,
  source,
} from './hand.ts';

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

  test('a commit that is linked to the group: the client has it by one submission', async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const { file, bytes } = source(t, LENGTH, 13);
    const ring = openRing(t, { shape: 'plain' });
    const { mark } = groupMarking(t.uapi);
    mark(ring.sqe({ ...lending(t, hand), flags: ['IOSQE_IO_LINK'], userData: 1 }));
    ring.sqe({ ...member('READ', file, 0, LENGTH), userData: 2 });
    ring.sqe({ ...about(t, hand, 'UBLK_U_IO_COMMIT_AND_FETCH_REQ', {}, LENGTH), userData: 3 });
    t.equal(ring.submit(), 3);
    t.same(said(await ring.wait(2)), [`2:${LENGTH}`, '1:0']);
    t.equal((await hand.under).res, LENGTH);
    t.bytes(hand.memory.bytes, bytes);
    // The server's own loop would commit it again.
    hand.server.abandon();
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

  test('two thousand groups leave no memory behind', { timeoutMs: 120_000 }, async (t) => {
    const hand = await inHand(t, 'READ', LENGTH);
    const { file } = source(t, LENGTH, 1);
    const round = async (groups: number) => {
      for (let done = 0; done < groups; done++)
        await hand.port.group(hand.request, member('READ', file, 100, 1000));
    };
    // KASAN keeps what was freed for a while, and kmemleak looks for what was not: the lab asks it.
    const watched = existsSync('/sys/kernel/debug/kmemleak');
    const used = () => Number(/^SUnreclaim: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
    await round(200);
    const at = used();
    await round(2000);
    // Each has taken two objects of 64 bytes or more: 250 kB, were they left.
    await until(`unreclaimable slabs are below ${at + 100} kB`, () => watched || used() < at + 100);
    t.same(results(await hand.port.group(hand.request, member('READ', file, 0, LENGTH))), [0, LENGTH]);
    hand.commit(LENGTH);
    t.equal((await hand.under).res, LENGTH);
  });
});
