import { suite, test } from '../lib/index.ts';
import {
  badFile,
  badOpcode,
  completions,
  completionsByTag,
  GroupRing,
  nop,
  RING_KINDS,
  withFailedMembers,
} from './groups.ts';

const LINK = { flags: ['IOSQE_IO_LINK'] };
const HARD = { flags: ['IOSQE_IO_HARDLINK'] };
const CANCELED = '-ECANCELED';

type Stage = 'when issued' | 'at submission';
type LinkKind = 'soft' | 'hard';

/** What the failure of one request of a group cancels, in words. */
function cancelledBy(position: number, stage: Stage, link: LinkKind): string {
  if (stage === 'at submission') return 'the group and its link are cancelled';
  const cancelled = [...(position === 0 ? ['its members'] : []), ...(link === 'soft' ? ['its link'] : [])];
  if (cancelled.length === 0) return 'nothing is cancelled';
  return `${cancelled.join(' and ')} ${cancelled.at(0) === 'its link' ? 'is' : 'are'} cancelled`;
}

suite('groups in links', { class: 'contract' }, () => {
  for (const [kind, flags] of Object.entries(RING_KINDS)) {
    test(`${kind}: requests and groups of a link run one after the other`, async (t) => {
      const groupRing = new GroupRing(t, { flags });
      groupRing.write(nop(1, LINK));
      groupRing.writeGroup(nop(2, LINK), nop(3), nop(4));
      groupRing.writeGroup(nop(5, LINK), nop(6));
      groupRing.write(nop(7));
      const order = completions(await groupRing.submitAndWait(7));
      const at = (tag: number) => order.indexOf(`${tag}:0`);
      t.ok(at(1) === 0, `request 1 completes first: ${order.join(' ')}`);
      t.ok(
        Math.max(at(3), at(4)) < at(2) && at(2) < at(6),
        `group 2 completes before group 5: ${order.join(' ')}`,
      );
      t.ok(at(6) < at(5) && at(5) < at(7), `request 7 completes last: ${order.join(' ')}`);
    });
  }

  test('a failed request cancels the group linked to it and what follows the group: ECANCELED', async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.write(badFile(1, LINK));
    groupRing.writeGroup(nop(2, LINK), nop(3), nop(4));
    groupRing.write(nop(5));
    t.same(
      withFailedMembers(t, await groupRing.submitAndWait(5), [3, 4]),
      ['1:-EBADF', ...[2, 3, 4, 5].map((tag) => `${tag}:${CANCELED}`)],
      'completions of the link',
    );
  });

  for (const position of [0, 1, 2, 3])
    for (const [stage, failing, errno] of [
      ['when issued', badFile, 'EBADF'],
      ['at submission', badOpcode, 'EINVAL'],
    ] as const)
      for (const link of ['soft', 'hard'] as const)
        test(`${position === 0 ? 'the leader' : `member ${position}`} of a group in a ${link} link fails ${stage} with ${errno}: ${cancelledBy(position, stage, link)}`, {
          // The proposal says nothing of a request that is refused at submission, nor what a failed member does to the link of its group.
          class: stage === 'at submission' || position > 0 ? 'choice' : 'contract',
        }, async (t) => {
          const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
          const linked = link === 'soft' ? LINK : HARD;
          const sqe = (tag: number) => (tag - 1 === position ? failing : nop)(tag, tag === 1 ? linked : {});
          groupRing.writeGroup(sqe(1), sqe(2), sqe(3), sqe(4));
          groupRing.write(nop(5));
          const cqes = await groupRing.submitAndWait(5);
          const neverIssued = stage === 'at submission';
          const failed = position === 0 && !neverIssued ? [2, 3, 4] : [];
          const results = withFailedMembers(t, cqes, failed);
          const expected = [1, 2, 3, 4].map((tag) => {
            if (tag - 1 === position) return `${tag}:-${errno}`;
            // A request that fails at submission keeps its whole group from being issued; a failed leader cancels its members.
            return `${tag}:${neverIssued || position === 0 ? CANCELED : '0'}`;
          });
          // A hard link goes on after a failure, but not behind a group that was never issued.
          const severed = link === 'soft' || neverIssued;
          t.same(results, [...expected, `5:${severed ? CANCELED : '0'}`], 'completions of the link');
          const order = cqes.map(({ tag }) => tag);
          t.ok(
            order.indexOf(1) > Math.max(...[2, 3, 4].map((tag) => order.indexOf(tag))),
            `the leader completes after its members: ${order.join(' ')}`,
          );
        });

  test('a failed member cancels every group that follows in the link: ECANCELED', {
    class: 'choice',
  }, async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.writeGroup(nop(1, LINK), badFile(2), nop(3));
    groupRing.writeGroup(nop(4, LINK), nop(5));
    groupRing.writeGroup(nop(6), nop(7));
    t.same(
      completionsByTag(await groupRing.submitAndWait(7)),
      [...['1:0', '2:-EBADF', '3:0'], ...[4, 5, 6, 7].map((tag) => `${tag}:${CANCELED}`)],
      'completions of the link',
    );
  });

  test('a failed request with IOSQE_CQE_SKIP_SUCCESS cancels its link, groups included, without their CQEs', {
    class: 'choice',
  }, async (t) => {
    const groupRing = new GroupRing(t);
    groupRing.write(badFile(1, { flags: ['IOSQE_IO_LINK', 'IOSQE_CQE_SKIP_SUCCESS'] }));
    groupRing.writeGroup(nop(2, LINK), nop(3));
    groupRing.write(nop(4));
    t.same(completions(await groupRing.submitAndWait(1)), ['1:-EBADF'], 'completions of the link');
    groupRing.write(nop(5));
    t.same(completions(await groupRing.submitAndWait(1)), ['5:0'], 'completion after the link');
  });
});
