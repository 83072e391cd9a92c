import { groupMarking, openRing, pipe, slabMark, suite, test } from '../lib/index.ts';
import { ZERO_COPY } from '../lib/ublk/datapath.ts';
import { eventually } from '../lib/ublk/fixtures.ts';
import type { Completion } from '../lib/ublk/pump.ts';
import { copyIn } from '../lib/ublk/strategy.ts';
import {
  assertZeroed,
  commandSqe,
  LENGTH,
  leaderSqe,
  member,
  patternFile,
  pendingRequest,
  results,
  STALE,
  settlesSoon,
  taggedResults,
} from './pending.ts';
import { assertMemberWaits, finishGroup, submitWaitingGroup } from './waiting.ts';

const COMMIT = 'UBLK_U_IO_COMMIT_AND_FETCH_REQ';

suite('end of a group that lends', { ...ZERO_COPY.needs, class: 'contract' }, () => {
  test('committing a lent request or copying into it fails with EBUSY', { class: 'choice' }, async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const input = pipe(t);
    const ring = submitWaitingGroup(t, pending, input);
    await assertMemberWaits(t, ring);
    const [committed] = await pending.port.send(commandSqe(t, pending, COMMIT));
    t.errno(committed as Completion, 'EBUSY', 'CQE res of the commit while pages are lent');
    const copy = () => copyIn(pending.request, pending.port, new Uint8Array(512).fill(STALE));
    t.throws(copy, 'EBUSY', 'errno of pwrite() into the lent request');
    t.ok(
      !(await settlesSoon(pending.completion)),
      'the client read is pending while a member may still write',
    );
    await finishGroup(t, ring, input);
    await pending.complete();
    assertZeroed(t, pending);
  });

  test('a commit linked to the group completes the client read in the same submission', async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const { file, bytes } = patternFile(t, LENGTH, 13);
    const ring = openRing(t, { shape: 'plain' });
    const { mark } = groupMarking(t.uapi);
    mark(ring.sqe({ ...leaderSqe(t, pending), flags: ['IOSQE_IO_LINK'], userData: 1 }));
    ring.sqe({ ...member('READ', file, 0, LENGTH), userData: 2 });
    ring.sqe({ ...commandSqe(t, pending, COMMIT, {}, LENGTH), userData: 3 });
    t.equal(ring.submit(), 3, 'SQEs submitted');
    t.same(taggedResults(await ring.wait(2)), [`2:${LENGTH}`, '1:0'], 'CQEs of member and leader (tag:res)');
    t.equal((await pending.completion).res, LENGTH, 'CQE res of the client read');
    t.bytes(pending.memory.bytes, bytes, 'client memory');
    // The server's loop would commit the request a second time.
    pending.server.abandon();
  });

  // Exit and cancellation find armed polls and io-wq work by separate code.
  for (const [waits, flags] of [
    ['waits in poll', []],
    ['blocks in an io-wq worker', ['IOSQE_ASYNC']],
  ] as const) {
    const blocking = flags.length > 0;
    test(`cancelling a group whose member ${waits} releases the lent pages`, async (t) => {
      const pending = await pendingRequest(t, 'READ', LENGTH);
      const ring = submitWaitingGroup(t, pending, pipe(t, { blocking }), flags);
      await assertMemberWaits(t, ring);
      ring.sqe({ opcode: 'IORING_OP_ASYNC_CANCEL', addr: 1n, userData: 100 });
      ring.submit();
      const cqes = await ring.wait(3);
      const cancelled = [-t.uapi.constant('ECANCELED'), -t.uapi.constant('EINTR')];
      t.ok(
        cancelled.includes(cqes.find(({ tag }) => tag === 2)?.res ?? 0),
        `the member (tag 2) ends with -ECANCELED or -EINTR; CQEs (tag:res) ${taggedResults(cqes).join(' ')}`,
      );
      t.equal(cqes.find(({ tag }) => tag === 1)?.res, 0, 'CQE res of the leader');
      await pending.complete();
      assertZeroed(t, pending);
    });

    test(`closing the ring of a group whose member ${waits} releases the lent pages`, async (t) => {
      const pending = await pendingRequest(t, 'READ', LENGTH);
      const ring = submitWaitingGroup(t, pending, pipe(t, { blocking }), flags);
      await assertMemberWaits(t, ring);
      ring.close();
      await eventually(t, 'the request can be lent again', async () => {
        const [leader] = await pending.port.group(pending.request, { opcode: 'IORING_OP_NOP' });
        return leader?.res === 0;
      });
      await pending.complete();
      assertZeroed(t, pending);
    });
  }

  test('stopping a device waits until its lent pages are released', async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const input = pipe(t);
    const ring = submitWaitingGroup(t, pending, input);
    await assertMemberWaits(t, ring);
    const stopped = pending.server.stop();
    t.ok(!(await settlesSoon(stopped)), 'the stop is pending while pages are lent');
    await finishGroup(t, ring, input);
    await pending.complete();
    await stopped;
  });

  test('a client read whose server exits fails with EIO only when another ring has released its pages', async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const input = pipe(t);
    const ring = submitWaitingGroup(t, pending, input);
    await assertMemberWaits(t, ring);
    pending.server.abandon();
    t.ok(
      !(await settlesSoon(pending.completion)),
      'the client read is pending while a member may still write',
    );
    await finishGroup(t, ring, input);
    t.errno(await pending.completion, 'EIO', 'CQE res of the client read');
  });

  test('two thousand groups leak no slab memory', { timeoutMs: 120_000, class: 'safety' }, async (t) => {
    const pending = await pendingRequest(t, 'READ', LENGTH);
    const { file } = patternFile(t, LENGTH, 1);
    const runGroups = async (count: number) => {
      for (let group = 0; group < count; group++)
        await pending.port.group(pending.request, member('READ', file, 100, 1000));
    };
    await runGroups(200);
    const untilGrownBelow = slabMark();
    await runGroups(2000);
    // A group allocates two objects of at least 64 bytes: 2000 leaked groups are 250 kB.
    await untilGrownBelow(100);
    const answered = await pending.port.group(pending.request, member('READ', file, 0, LENGTH));
    t.same(results(answered), [0, LENGTH], 'CQE res of leader and member of the last group');
    await pending.complete();
  });
});
