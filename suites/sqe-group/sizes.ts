import { suite, test } from '../lib/index.ts';
import { badFile, completions, completionsByTag, GroupRing, nop, RING_KINDS, range } from './groups.ts';

const LINK = { flags: ['IOSQE_IO_LINK'] };

suite('sizes', { class: 'contract' }, () => {
  test('groups of 2 to 32 SQEs succeed on a ring of 32 entries', async (t) => {
    const groupRing = new GroupRing(t, { entries: 32 });
    for (let size = 2; size <= 32; size++) {
      groupRing.writeGroup(...range(1, size).map((tag) => nop(tag)));
      const cqes = await groupRing.submitAndWait(size);
      t.equal(cqes.at(-1)?.tag, 1, `tag of the last CQE of ${size}`);
      t.same(
        completionsByTag(cqes),
        range(1, size).map((tag) => `${tag}:0`),
        `completions of a group of ${size}`,
      );
    }
  });

  for (const [kind, flags] of Object.entries(RING_KINDS))
    test(`${kind}: a group cut off by the end of its submission ends there and succeeds`, {
      class: 'choice',
    }, async (t) => {
      const groupRing = new GroupRing(t, { flags });
      groupRing.writeCutOffGroup(nop(1));
      t.same(
        completions(await groupRing.submitAndWait(1)),
        ['1:0'],
        'completions of a leader without members',
      );
      groupRing.writeCutOffGroup(nop(2), nop(3), nop(4));
      const cqes = await groupRing.submitAndWait(3);
      t.equal(cqes.at(-1)?.tag, 2, 'tag of the last CQE');
      t.same(completionsByTag(cqes), ['2:0', '3:0', '4:0'], 'completions of a group of 3');
      groupRing.writeGroup(nop(5), nop(6));
      t.same(
        completions(await groupRing.submitAndWait(2)),
        ['6:0', '5:0'],
        'completions of the group in the next submission',
      );
    });

  test('a cut-off group that is linked, failed or async completes like any other', {
    class: 'choice',
  }, async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.write(nop(1, LINK));
    groupRing.writeCutOffGroup(nop(2, LINK), nop(3));
    t.same(
      completions(await groupRing.submitAndWait(3)),
      ['1:0', '3:0', '2:0'],
      'completions of a link that ends with a group',
    );
    groupRing.writeCutOffGroup(nop(4, LINK));
    t.same(
      completions(await groupRing.submitAndWait(1)),
      ['4:0'],
      'completions of a linked leader without members',
    );
    groupRing.writeCutOffGroup(badFile(5), nop(6));
    t.same(
      completions(await groupRing.submitAndWait(2)),
      ['6:-ECANCELED', '5:-EBADF'],
      'completions of a group with a failed leader',
    );
    groupRing.writeCutOffGroup(nop(7, { flags: ['IOSQE_ASYNC'] }), nop(8));
    t.same(
      completions(await groupRing.submitAndWait(2)),
      ['8:0', '7:0'],
      'completions of a group with an async leader',
    );
  });

  test('CQEs of groups that overflow the completion queue all arrive, leaders last', async (t) => {
    const groupRing = new GroupRing(t, { entries: 32, cqEntries: 32 });
    for (const round of [0, 1, 2]) {
      groupRing.writeGroup(...range(1 + round * 32, 32).map((tag) => nop(tag)));
      groupRing.submit();
    }
    const cqes = await groupRing.ring.wait(96);
    t.same(
      completionsByTag(cqes),
      range(1, 96).map((tag) => `${tag}:0`),
      'completions of 3 groups of 32',
    );
    for (const leader of [1, 33, 65]) {
      const order = cqes.map(({ tag }) => tag);
      const members = range(leader + 1, 31).map((tag) => order.indexOf(tag));
      t.ok(order.indexOf(leader) > Math.max(...members), `leader ${leader} completes after its members`);
    }
  });
});

suite('drain', { class: 'contract' }, () => {
  const DRAIN = { flags: ['IOSQE_IO_DRAIN'] };

  test('a drained request waits for every request of the group before it', async (t) => {
    for (const flags of [[], ['IOSQE_ASYNC']]) {
      const groupRing = new GroupRing(t);
      groupRing.writeGroup(nop(1, { flags }), nop(2, { flags }), nop(3));
      groupRing.write(nop(4, DRAIN));
      groupRing.write(nop(5));
      const order = completions(await groupRing.submitAndWait(5));
      t.same(
        order.slice(2),
        ['1:0', '4:0', '5:0'],
        `last three of the completions ${order.join(' ')}, flags "${flags}"`,
      );
    }
  });

  test('a drained group waits for the request before it, and a drained request waits for the whole group', async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.write(nop(1, { flags: ['IOSQE_ASYNC'] }));
    groupRing.writeGroup(nop(2, DRAIN), nop(3), nop(4));
    groupRing.write(nop(5, DRAIN));
    const order = completions(await groupRing.submitAndWait(5));
    t.equal(order[0], '1:0', `first of the completions ${order.join(' ')}`);
    t.same(order.slice(3), ['2:0', '5:0'], `last two of the completions ${order.join(' ')}`);
  });

  test('a drained request waits for every request of a drained link with groups', async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.write(nop(1, { flags: ['IOSQE_ASYNC'] }));
    groupRing.write(nop(2, { flags: ['IOSQE_IO_LINK', 'IOSQE_IO_DRAIN'] }));
    groupRing.writeGroup(nop(3, LINK), nop(4), nop(5));
    groupRing.writeGroup(nop(6), nop(7));
    groupRing.write(nop(8, DRAIN));
    const order = completions(await groupRing.submitAndWait(8));
    t.same(
      [order[0], order[1], order[4], ...order.slice(5)],
      ['1:0', '2:0', '3:0', '7:0', '6:0', '8:0'],
      `completions 1, 2 and 5 to 8 of ${order.join(' ')}`,
    );
  });
});
