import type { Entry, Posting } from './stages.ts';
import { sameMarks, sameSender } from './thread.ts';

/** A posting while it is collected. */
export interface Group {
  version: number;
  total: number;
  cover?: Entry;
  /** Its patches by number. */
  slots: Map<number, Entry>;
}

/** Told of a patch whose number a later one of the same posting has too. */
export type OnRepeat = (earlier: Entry, later: Entry) => void;

/** Most postings with the same version and number of patches that a patch without a link to one is compared with. */
const RECENT = 50;

/** The mail that stands for a posting: its cover letter, or its first patch. */
export const leadOf = ({ cover, slots }: Group): Entry | undefined => cover ?? slots.values().next().value;

/** Puts a patch in its place in a posting; false when another sender's patch, or one marked otherwise, has it. */
function place(group: Group, entry: Entry, onRepeat: OnRepeat): boolean {
  const present = group.slots.get(entry.number);
  if (present && !(sameSender(present, entry) && sameMarks(present, entry))) return false;
  if (present) onRepeat(present, entry);
  group.slots.set(entry.number, entry);
  return true;
}

/** Of some postings the one that a patch without a link belongs to: it lacks the number; preferably by the same sender, then marked alike, then the latest. */
function openGroup(groups: readonly Group[], entry: Entry): Group | undefined {
  const open = groups.filter(({ slots }) => !slots.has(entry.number)).reverse();
  const alike = open.filter((group) => sameMarks(leadOf(group) ?? entry, entry));
  return alike.find((group) => sameSender(leadOf(group) ?? entry, entry)) ?? alike[0] ?? open[0];
}

/** Of some postings the one whose patch of the same number answers the same mail: the patch was sent again. */
const repeatedGroup = (groups: readonly Group[], entry: Entry): Group | undefined =>
  groups.findLast(({ slots }) => {
    const { inReplyTo } = slots.get(entry.number)?.mail ?? {};
    return inReplyTo !== undefined && inReplyTo === entry.mail.inReplyTo;
  });

/**
 * The postings of numbered patches: first those that a thread links to a cover letter, those of its sender before others, then the rest in
 * their order.
 */
export function groupNumbered(
  covers: readonly Entry[],
  patches: readonly Entry[],
  coverOf: (entry: Entry) => Entry | undefined,
  onRepeat: OnRepeat,
): Group[] {
  const groups: Group[] = [];
  const byKey = new Map<string, Group[]>();
  const byCover = new Map<Entry, Group>();
  const open = ({ subject }: Entry): Group => {
    const { version, total = 1 } = subject;
    const group: Group = { version, total, slots: new Map() };
    groups.push(group);
    const key = `${version}/${total}`;
    byKey.set(key, [...(byKey.get(key) ?? []).slice(1 - RECENT), group]);
    return group;
  };
  for (const cover of covers) {
    const group = open(cover);
    group.cover = cover;
    byCover.set(cover, group);
  }
  const isLinked = (entry: Entry) => byCover.has(coverOf(entry) ?? entry);
  const linked = patches.filter(isLinked);
  const isOwn = (entry: Entry) => sameSender(entry, coverOf(entry) ?? entry);
  const unplaced = new Set(patches.filter((entry) => !isLinked(entry)));
  for (const entry of [...linked.filter(isOwn), ...linked.filter((entry) => !isOwn(entry))]) {
    const group = byCover.get(coverOf(entry) ?? entry);
    if (!group || !place(group, entry, onRepeat)) unplaced.add(entry);
  }
  for (const entry of patches) {
    if (!unplaced.has(entry)) continue;
    const recent = byKey.get(`${entry.subject.version}/${entry.subject.total}`) ?? [];
    const group = openGroup(recent, entry) ?? repeatedGroup(recent, entry);
    if (!group || !place(group, entry, onRepeat)) place(open(entry), entry, onRepeat);
  }
  return groups;
}

/** A posting of patches without numbers, which get those of their order. */
export function stack(entries: readonly Entry[]): Group {
  const slots = new Map(entries.map((entry, index) => [index + 1, { ...entry, number: index + 1 }]));
  return {
    version: Math.max(...entries.map(({ subject }) => subject.version)),
    total: entries.length,
    slots,
  };
}

/** A collected posting with its patches in the order of their numbers. */
export const postingOf = ({ version, total, cover, slots }: Group): Posting => ({
  version,
  total,
  ...(cover ? { cover } : {}),
  patches: [...slots.values()].sort((a, b) => a.number - b.number),
});
