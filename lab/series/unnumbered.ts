import { type Group, type OnRepeat, stack } from './group.ts';
import type { Entry } from './stages.ts';
import { sameMarks, sameSender, type Thread } from './thread.ts';

const titleOf = ({ subject }: Entry) => subject.title.toLowerCase();

/** The latest of patches that were sent again with a mark (`RESEND`), in the place of the first. */
function withoutResent(entries: readonly Entry[], onRepeat: OnRepeat): Entry[] {
  const byTitle = new Map<string, number>();
  const kept: Entry[] = [];
  for (const entry of entries) {
    const at = byTitle.get(titleOf(entry));
    const earlier = at === undefined ? undefined : kept[at];
    if (at !== undefined && earlier && entry.subject.resend && !sameMarks(earlier, entry)) {
      onRepeat(earlier, entry);
      kept[at] = entry;
    } else {
      byTitle.set(titleOf(entry), kept.length);
      kept.push(entry);
    }
  }
  return kept;
}

/** One posting of all patches, or one for each version where a title occurs in several. */
function stacks(entries: readonly Entry[], onRepeat: OnRepeat): Group[] {
  const versions = new Map<string, number>();
  const isRevised = entries.some((entry) => {
    const before = versions.get(titleOf(entry)) ?? entry.subject.version;
    versions.set(titleOf(entry), entry.subject.version);
    return before !== entry.subject.version;
  });
  const byVersion = new Map<number, Entry[]>();
  for (const entry of entries) {
    const version = isRevised ? entry.subject.version : 0;
    const list = byVersion.get(version);
    if (list) list.push(entry);
    else byVersion.set(version, [entry]);
  }
  return [...byVersion.values()].map((list) => stack(withoutResent(list, onRepeat)));
}

/**
 * The postings of patches without `k/M`. Patches that answer nothing in the source are one, in their order, as git am takes them; so are those
 * that one sender added to it. A patch that answers another sender's, or an earlier version, is a posting of its own. `apart`: patches of different
 * senders are different postings, since their source does not say which mail answers which.
 */
export function groupUnnumbered(
  patches: readonly Entry[],
  thread: Thread,
  apart: boolean,
  onRepeat: OnRepeat,
): Group[] {
  const lists = new Map<unknown, Entry[]>();
  const listOf = new Map<Entry, Entry[]>();
  const add = (key: unknown, entry: Entry) => {
    const list = lists.get(key) ?? [];
    lists.set(key, list);
    list.push(entry);
    listOf.set(entry, list);
  };
  for (const entry of patches) {
    const parent = thread.parentOf(entry);
    const answered = parent && thread.postedOf(parent);
    const sender = entry.mail.from.email || entry.mail.from.name;
    if (!answered) {
      const isAlone = apart || parent !== undefined;
      add(isAlone ? `${parent?.mail.messageId} ${sender}` : undefined, entry);
      continue;
    }
    const list = listOf.get(answered);
    const { subject } = answered;
    const joins =
      list &&
      sameSender(answered, entry) &&
      subject.version === entry.subject.version &&
      titleOf(answered) !== titleOf(entry);
    if (joins) {
      list.push(entry);
      listOf.set(entry, list);
    } else add(entry, entry);
  }
  return [...lists.values()].flatMap((list) => stacks(list, onRepeat));
}
