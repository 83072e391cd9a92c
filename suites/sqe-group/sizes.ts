import { suite, test } from '../lib/index.ts';
import { bad, GroupRing, nop, numbered, said, saidSorted, WAYS } from './groups.ts';

const LINK = { flags: ['IOSQE_IO_LINK'] };

suite('sizes', {}, () => {
  test('groups of all sizes up to the whole ring', async (t) => {
    const on = new GroupRing(t, { entries: 32 });
    for (let size = 2; size <= 32; size++) {
      on.group(...numbered(1, size).map((tag) => nop(tag)));
      const cqes = await on.done(size);
      t.equal(cqes.at(-1)?.tag, 1);
      t.same(
        saidSorted(cqes),
        numbered(1, size).map((tag) => `${tag}:0`),
      );
    }
  });

  for (const [way, flags] of Object.entries(WAYS))
    test(`${way}: a submission's end ends its group`, async (t) => {
      const on = new GroupRing(t, { flags });
      on.cutOff(nop(1));
      t.same(said(await on.done(1)), ['1:0'], 'a leader alone is a request like any other');
      on.cutOff(nop(2), nop(3), nop(4));
      const cqes = await on.done(3);
      t.equal(cqes.at(-1)?.tag, 2);
      t.same(saidSorted(cqes), ['2:0', '3:0', '4:0']);
      on.group(nop(5), nop(6));
      t.same(said(await on.done(2)), ['6:0', '5:0'], 'the next submission begins anew');
    });

  test('cut off within a link, and after a failure', async (t) => {
    const on = new GroupRing(t);
    on.ring.sqe(nop(1, LINK));
    on.cutOff(nop(2, LINK), nop(3));
    t.same(said(await on.done(3)), ['1:0', '3:0', '2:0']);
    on.cutOff(nop(4, LINK));
    t.same(said(await on.done(1)), ['4:0']);
    on.cutOff(bad(5), nop(6));
    t.same(said(await on.done(2)), ['6:-ECANCELED', '5:-EBADF']);
    on.cutOff(nop(7, { flags: ['IOSQE_ASYNC'] }), nop(8));
    t.same(said(await on.done(2)), ['8:0', '7:0']);
  });

  test('more completions than there is room for are kept', async (t) => {
    const on = new GroupRing(t, { entries: 32, cqEntries: 32 });
    for (const round of [0, 1, 2]) {
      const tags = numbered(1 + round * 32, 32);
      on.group(...tags.map((tag) => nop(tag)));
      on.submit();
    }
    const cqes = await on.ring.wait(96);
    t.same(
      saidSorted(cqes),
      numbered(1, 96).map((tag) => `${tag}:0`),
    );
    for (const leader of [1, 33, 65]) {
      const order = cqes.map(({ tag }) => tag);
      const members = numbered(leader + 1, 31).map((tag) => order.indexOf(tag));
      t.ok(order.indexOf(leader) > Math.max(...members), `leader ${leader} comes after its members`);
    }
  });
});

suite('draining', {}, () => {
  const DRAIN = { flags: ['IOSQE_IO_DRAIN'] };

  test('a drained request waits for all of a group', async (t) => {
    for (const async of [[], ['IOSQE_ASYNC']]) {
      const on = new GroupRing(t);
      on.group(nop(1, { flags: async }), nop(2, { flags: async }), nop(3));
      on.ring.sqe(nop(4, DRAIN));
      on.ring.sqe(nop(5));
      const order = said(await on.done(5));
      t.same(order.slice(2), ['1:0', '4:0', '5:0'], order.join(' '));
    }
  });

  test('a drained group waits for what is before it, and what is after it for all of it', async (t) => {
    const on = new GroupRing(t);
    on.ring.sqe(nop(1, { flags: ['IOSQE_ASYNC'] }));
    on.group(nop(2, DRAIN), nop(3), nop(4));
    on.ring.sqe(nop(5, DRAIN));
    const order = said(await on.done(5));
    t.equal(order[0], '1:0', order.join(' '));
    t.same(order.slice(3), ['2:0', '5:0'], order.join(' '));
  });

  test('a link with groups in it counts as all of its requests', async (t) => {
    const on = new GroupRing(t);
    on.ring.sqe(nop(1, { flags: ['IOSQE_ASYNC'] }));
    on.ring.sqe(nop(2, { flags: ['IOSQE_IO_LINK', 'IOSQE_IO_DRAIN'] }));
    on.group(nop(3, LINK), nop(4), nop(5));
    on.group(nop(6), nop(7));
    on.ring.sqe(nop(8, DRAIN));
    const order = said(await on.done(8));
    t.same([order[0], order[1], order[4], ...order.slice(5)], ['1:0', '2:0', '3:0', '7:0', '6:0', '8:0']);
  });
});
