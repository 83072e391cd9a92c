import fc from 'fast-check';

/** What a request does, and how it fails if it must. */
export type Kind =
  | 'nop'
  /** A read of the drive. */
  | 'read'
  /** Fails when it is issued: EBADF. */
  | 'badFile'
  /** Fails at submission, before anything of its link is issued: EINVAL. */
  | 'badOpcode';

/** One SQE of a graph. */
export interface Request {
  kind: Kind;
  async: boolean;
}

/** How an item is linked to the next: not at all, by IOSQE_IO_LINK, or by IOSQE_IO_HARDLINK. */
export type Link = 'none' | 'soft' | 'hard';

/** A request, or a group if it has members; `link` links it to the next item. */
export interface Item extends Request {
  members: readonly Request[];
  link: Link;
  /** Index of a member with a link flag, for which the kernel must refuse the group; undefined: no such member. */
  refused: number | undefined;
}

/** All items of one submission. */
export interface Graph {
  items: readonly Item[];
  /** The last SQE has the group flag, so that the end of the submission ends its group. */
  cutOff: boolean;
}

const kinds: Kind[] = ['nop', 'nop', 'nop', 'read', 'read', 'badFile', 'badOpcode'];
const request = { kind: fc.constantFrom(...kinds), async: fc.boolean() };

const item: fc.Arbitrary<Item> = fc
  .record({
    ...request,
    members: fc.oneof(
      { weight: 1, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.array(fc.record(request), { minLength: 1, maxLength: 4 }) },
    ),
    link: fc.constantFrom<Link>('none', 'soft', 'soft', 'hard'),
    refused: fc.option(fc.nat(3), { freq: 12, nil: undefined }),
  })
  .map((fields) => ({
    ...fields,
    refused:
      fields.refused !== undefined && fields.refused < fields.members.length ? fields.refused : undefined,
  }));

/** Random graphs of 1 to 8 items with up to 4 members each. */
export const graphs: fc.Arbitrary<Graph> = fc.record({
  items: fc.array(item, { minLength: 1, maxLength: 8 }),
  cutOff: fc.boolean(),
});

/** What the CQEs of a graph must be: results by tag (`0`, `-EINVAL`), and pairs of tags that must come in this order. */
export interface Expected {
  results: Map<number, string>;
  before: [earlier: number, later: number][];
}

interface TaggedRequest extends Request {
  tag: number;
}

interface TaggedItem extends TaggedRequest {
  members: readonly TaggedRequest[];
  link: Link;
  refused: number | undefined;
}

const CANCELED = '-ECANCELED';

function tagged(items: readonly Item[]): TaggedItem[] {
  let tag = 1;
  return items.map((untagged) => ({
    ...untagged,
    tag: tag++,
    members: untagged.members.map((member) => ({ ...member, tag: tag++ })),
  }));
}

/** Items in chains: each chain ends with an item that is not linked to the next. */
function chainsOf(items: readonly TaggedItem[]): TaggedItem[][] {
  const chains: TaggedItem[][] = [];
  for (let rest = [...items]; rest.length > 0; ) {
    const end = rest.findIndex(({ link }) => link === 'none');
    const chain = rest.slice(0, end < 0 ? rest.length : end + 1);
    rest = rest.slice(chain.length);
    chains.push(chain);
  }
  return chains;
}

const requestsOf = (group: TaggedItem): TaggedRequest[] => [group, ...group.members];

/** An item that fails at submission keeps its whole chain from being issued. */
const failsAtSubmission = (group: TaggedItem) =>
  group.refused !== undefined || requestsOf(group).some(({ kind }) => kind === 'badOpcode');

/**
 * The model of the kernel's behaviour. Leaders and members have tags in the order of their SQEs, from 1; `success` has the
 * results of successful requests.
 */
export function expected({ items }: Graph, success: Record<'nop' | 'read', string>): Expected {
  const results = new Map<number, string>();
  const before: Expected['before'] = [];
  const resultUnissued = (kind: Kind) => (kind === 'badOpcode' ? '-EINVAL' : CANCELED);
  const resultIssued = (kind: Kind) => (kind === 'nop' || kind === 'read' ? success[kind] : '-EBADF');

  const cancel = (group: TaggedItem): void => {
    const isRefused = group.refused !== undefined;
    results.set(group.tag, isRefused ? '-EINVAL' : resultUnissued(group.kind));
    // A refused group has one CQE.
    if (!isRefused) for (const member of group.members) results.set(member.tag, resultUnissued(member.kind));
  };

  /** Returns whether the whole group succeeds. */
  const issue = (group: TaggedItem): boolean => {
    results.set(group.tag, resultIssued(group.kind));
    for (const member of group.members)
      results.set(member.tag, group.kind === 'badFile' ? CANCELED : resultIssued(member.kind));
    return requestsOf(group).every(({ kind }) => kind !== 'badFile');
  };

  for (const chain of chainsOf(tagged(items))) {
    let going = !chain.some(failsAtSubmission);
    const issued = new Set<TaggedItem>();
    for (const group of chain) {
      if (!going) cancel(group);
      else {
        issued.add(group);
        going = issue(group) || group.link !== 'soft';
      }
    }
    const postedTags = (group: TaggedItem) =>
      requestsOf(group)
        .map(({ tag }) => tag)
        .filter((tag) => results.has(tag));
    chain.forEach((group, index) => {
      for (const member of group.members) if (results.has(member.tag)) before.push([member.tag, group.tag]);
      const next = chain[index + 1];
      // The leader's CQE is the last of an item. The order of items that are cancelled together is not defined.
      if (next && issued.has(group)) for (const later of postedTags(next)) before.push([group.tag, later]);
    });
  }
  return { results, before };
}
