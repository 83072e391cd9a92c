import { type Group, leadOf } from './group.ts';
import type { Entry } from './stages.ts';
import { sameSender, type Thread } from './thread.ts';

/** A posting of which only some patches were sent anew, with the rest from the posting that they answer. */
export interface Reroll {
  group: Group;
  /** Numbers of the patches that are of an earlier version. */
  kept: number[];
  earlier: number;
  /** The postings that it is made of besides. */
  bases: Group[];
}

/** The posting that has a mail. */
const ownerOf = (groups: readonly Group[], { mail, number }: Entry): Group | undefined =>
  groups.find(({ cover, slots }) => (number === 0 ? cover : slots.get(number))?.mail === mail);

/**
 * The patch of an earlier version that a patch replaces: the one that it answers, or the one with its number and title in the posting whose
 * cover letter it answers; by its sender.
 */
function replacedBy(
  entry: Entry,
  { version }: Group,
  groups: readonly Group[],
  thread: Thread,
): Entry | undefined {
  const parent = thread.parentOf(entry);
  const posted = parent && thread.postedOf(parent);
  const { total, title } = entry.subject;
  const old = posted?.number === 0 ? ownerOf(groups, posted)?.slots.get(entry.number) : posted;
  if (!old || old.subject.version >= version || !sameSender(old, entry)) return undefined;
  if (total === undefined) return old;
  if (posted?.number === 0 && old.subject.title !== title) return undefined;
  return old.subject.total === total && old.number === entry.number ? old : undefined;
}

/**
 * A posting completed as b4 does: when it has no cover letter and not all patches, and each patch replaces one of an earlier version,
 * that version's other patches stay. Undefined for any other posting.
 */
export function rerollOf(group: Group, groups: readonly Group[], thread: Thread): Reroll | undefined {
  const entries = [...group.slots.values()];
  const isPart =
    group.slots.size < group.total || entries.every(({ subject }) => subject.total === undefined);
  if (group.cover || !isPart || entries.length === 0) return undefined;
  const replaced = entries.map((entry) => replacedBy(entry, group, groups, thread));
  const [first] = replaced;
  const base = first && ownerOf(groups, first);
  if (!base || !replaced.every((old) => old && base.slots.get(old.number)?.mail === old.mail))
    return undefined;
  // The earlier posting may itself be such a part.
  const below = rerollOf(base, groups, thread);
  const whole = below?.group ?? base;
  const slots = new Map(whole.slots);
  const fresh = new Set<number>();
  for (const [index, entry] of entries.entries()) {
    const number = replaced[index]?.number ?? entry.number;
    slots.set(number, { ...entry, number });
    fresh.add(number);
  }
  const cover = whole.cover ? { cover: whole.cover } : {};
  const lead = leadOf(whole);
  return {
    group: { version: group.version, total: whole.total, slots, ...cover },
    kept: [...slots.keys()].filter((number) => !fresh.has(number)).sort((a, b) => a - b),
    earlier: lead?.subject.version ?? base.version,
    bases: [base, ...(below?.bases ?? [])],
  };
}
