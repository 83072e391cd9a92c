import fc from 'fast-check';

export type Kind =
  | 'nop'
  /** A read of the drive. */
  | 'read'
  /** Fails when it is issued. */
  | 'bad'
  /** Fails when it is taken. */
  | 'unknown';

export interface Request {
  kind: Kind;
  async: boolean;
}

export type Link = 'none' | 'soft' | 'hard';

/** A request, or a group if it has members. What is linked is what follows. */
export interface Item extends Request {
  members: readonly Request[];
  link: Link;
  /** This member asks for a link of its own, which it must not. */
  refused: number | undefined;
}

export interface Graph {
  items: readonly Item[];
  /** The last item says that there is more to come. */
  cutOff: boolean;
}

const kinds: Kind[] = ['nop', 'nop', 'nop', 'read', 'read', 'bad', 'unknown'];
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
  .map((made) => ({
    ...made,
    refused: made.refused !== undefined && made.refused < made.members.length ? made.refused : undefined,
  }));

export const graphs: fc.Arbitrary<Graph> = fc.record({
  items: fc.array(item, { minLength: 1, maxLength: 8 }),
  cutOff: fc.boolean(),
});

/** What a graph's completions have to be: results by tag, and which tags come before which. */
export interface Expected {
  results: Map<number, string>;
  before: [earlier: number, later: number][];
}

/** Tags are given to leaders and members in the order of the SQEs, from 1. */
export function expected({ items }: Graph, ok: Record<'nop' | 'read', string>): Expected {
  const results = new Map<number, string>();
  const before: Expected['before'] = [];
  let tag = 1;
  const numbered = items.map((one) => ({
    ...one,
    tag: tag++,
    members: one.members.map((member) => ({ ...member, tag: tag++ })),
  }));
  type Numbered = (typeof numbered)[number];
  const canceled = '-ECANCELED';
  const own = (kind: Kind) => (kind === 'unknown' ? '-EINVAL' : canceled);

  /** Nothing of it is issued. */
  const cancel = (one: Numbered): void => {
    const isRefused = one.refused !== undefined;
    results.set(one.tag, isRefused ? '-EINVAL' : own(one.kind));
    // A refused group is as one SQE.
    if (!isRefused) for (const member of one.members) results.set(member.tag, own(member.kind));
  };

  /** It is issued; whether all of it succeeded. */
  const issue = (one: Numbered): boolean => {
    const result = (kind: Kind) => (kind === 'nop' || kind === 'read' ? ok[kind] : '-EBADF');
    results.set(one.tag, result(one.kind));
    for (const member of one.members)
      results.set(member.tag, one.kind === 'bad' ? canceled : result(member.kind));
    return [one, ...one.members].every(({ kind }) => kind !== 'bad');
  };

  const spoilt = (one: Numbered) =>
    one.refused !== undefined || [one, ...one.members].some(({ kind }) => kind === 'unknown');

  for (let rest = numbered; rest.length > 0; ) {
    const end = rest.findIndex(({ link }) => link === 'none');
    const chain = rest.slice(0, end < 0 ? rest.length : end + 1);
    rest = rest.slice(chain.length);
    let going = !chain.some(spoilt);
    const issued = new Set<Numbered>();
    for (const one of chain) {
      if (!going) cancel(one);
      else {
        issued.add(one);
        going = issue(one) || one.link !== 'soft';
      }
    }
    const tags = (one: Numbered) =>
      [one, ...one.members].map((each) => each.tag).filter((at) => results.has(at));
    chain.forEach((one, index) => {
      for (const member of one.members) if (results.has(member.tag)) before.push([member.tag, one.tag]);
      const next = chain[index + 1];
      // An item's last completion is its leader's. What is cancelled in one go has no order of its own.
      if (next && issued.has(one)) for (const later of tags(next)) before.push([one.tag, later]);
    });
  }
  return { results, before };
}
