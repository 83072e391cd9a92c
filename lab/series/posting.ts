import { InputError } from '../core/errors.ts';
import type { Note } from '../model/note.ts';
import { type Group, groupNumbered, leadOf, postingOf, stack } from './group.ts';
import { leftMails } from './left.ts';
import { MAX_LISTED } from './limits.ts';
import { rerollOf } from './reroll.ts';
import type { Entry, Posting } from './stages.ts';
import { sameSender, type Thread, threadOf } from './thread.ts';
import { groupUnnumbered } from './unnumbered.ts';

const hasDiff = ({ diffStart }: Entry) => diffStart !== undefined;
const isCover = ({ number }: Entry) => number === 0;

/** Whether a mail can be a patch or cover letter: no reply, and with a diff unless it is a cover letter. */
const isOriginal = (entry: Entry) =>
  !entry.subject.reply && (hasDiff(entry) || (entry.subject.patch && isCover(entry)));

/** The postings of mails, and the mails that were replaced by later ones with the same number. */
interface Postings {
  groups: Group[];
  thread: Thread;
}

function collect(
  entries: readonly Entry[],
  apart: boolean,
  onRepeat: (earlier: Entry, later: Entry) => void,
): Postings {
  const originals = entries.filter(isOriginal);
  const thread = threadOf(entries, isOriginal);
  const marked = originals.filter(({ subject }) => subject.patch);
  const numbered = marked.filter(({ subject }) => subject.total !== undefined);
  // In a source without a subject that says PATCH every mail with a diff is a patch; besides patches without numbers, one that answers nothing.
  const others = originals.filter((entry) => !entry.subject.patch && hasDiff(entry));
  const isMember = (entry: Entry) =>
    !marked.some(hasDiff) || (numbered.length === 0 && !thread.parentOf(entry));
  const taken = new Set([
    ...marked.filter(({ subject }) => subject.total === undefined),
    ...others.filter(isMember),
  ]);
  const unnumbered = originals.filter((entry) => taken.has(entry));
  const groups = [
    ...groupNumbered(
      numbered.filter(isCover),
      numbered.filter((entry) => !isCover(entry)),
      thread.coverOf,
      onRepeat,
    ),
    ...groupUnnumbered(unnumbered.filter(hasDiff), thread, apart, onRepeat),
  ];
  const orderOf = (group: Group) => leadOf(group)?.order ?? 0;
  return { groups: groups.sort((a, b) => orderOf(a) - orderOf(b)), thread };
}

/**
 * All patches of a source as one posting, in their order, where it is a collection for git am: nothing in it answers anything, no title occurs
 * twice, and no series of several patches has a version besides another.
 */
function collection(entries: readonly Entry[], { groups, thread }: Postings): Group | undefined {
  const patches = groups.flatMap(({ slots }) => [...slots.values()]).sort((a, b) => a.order - b.order);
  const covers = groups.flatMap(({ cover }) => cover ?? []);
  const titles = new Set(patches.map(({ subject }) => subject.title));
  const versions = new Set(groups.filter(({ total }) => total > 1).map(({ version }) => version));
  if (titles.size < patches.length || versions.size > 1 || covers.length > 0) return undefined;
  if (entries.some((entry) => entry.subject.reply || thread.parentOf(entry))) return undefined;
  return stack(patches);
}

const timeOf = (group: Group) => Date.parse(leadOf(group)?.mail.date ?? '') || 0;

/** A posting for notes: `patches` of `total` are present. */
const factsOf = (group: Group) => ({
  version: group.version,
  title: leadOf(group)?.subject.title ?? '',
  patches: group.slots.size,
  total: group.total,
});

const describe = (group: Group) => {
  const { version, title, patches, total } = factsOf(group);
  return `v${version} "${title}" (${patches} of ${total})`;
};

/**
 * The posting of a version, by default the newest of the sender who opened the thread, or of anybody where that one has none. Of several with that version the one by
 * that sender comes first, then the latest by date and place.
 */
function choose(groups: readonly Group[], wanted: number | undefined): Group | undefined {
  const opener = groups[0] && leadOf(groups[0]);
  const isOpeners = (group: Group) => {
    const all = [...(group.cover ? [group.cover] : []), ...group.slots.values()];
    return opener !== undefined && all.some((entry) => sameSender(entry, opener));
  };
  const full = groups.filter(({ slots }) => slots.size > 0);
  const preferred = full.filter(isOpeners);
  const newest = Math.max(...(preferred.length > 0 ? preferred : full).map(({ version }) => version));
  const candidates = full.filter(({ version }) => version === (wanted ?? newest));
  return candidates
    .map((group, index) => ({ group, index }))
    .sort(
      (a, b) =>
        Number(isOpeners(b.group)) - Number(isOpeners(a.group)) ||
        timeOf(b.group) - timeOf(a.group) ||
        b.index - a.index,
    )[0]?.group;
}

/** Notes what was not taken: other postings, and mails with a diff that belong to none. */
function noteLeft(chosen: Group, groups: readonly Group[], where: string, note: (note: Note) => void): void {
  const left = groups.filter((group) => group !== chosen).map(factsOf);
  const more = left.length - MAX_LISTED;
  if (left.length === 0) return;
  note({
    code: 'series.postings',
    subject: where,
    taken: factsOf(chosen),
    left: left.slice(0, MAX_LISTED),
    ...(more > 0 ? { more } : {}),
  });
}

/**
 * The posting to import of mails: version `wanted`, by default the newest. What is left out, replaced or filled in becomes notes. `apart` as
 * for `groupUnnumbered`. Throws InputError, listing the postings, when there is none of that version.
 */
export function choosePosting(
  entries: readonly Entry[],
  { wanted, where, apart }: { wanted: number | undefined; where: string; apart: boolean },
  note: (note: Note) => void,
): Posting {
  const repeats = new Map<Entry['mail'], Entry>();
  const postings = collect(entries, apart, (earlier, later) => repeats.set(earlier.mail, later));
  const { groups, thread } = postings;
  const whole = groups.length > 1 && !apart ? collection(entries, postings) : undefined;
  const chosen = whole ?? choose(groups, wanted);
  if (!chosen || (wanted !== undefined && chosen.version !== wanted)) {
    throw new InputError({
      what: `there is no version ${wanted ?? 1} of the series in it`,
      where,
      expected: `one of: ${groups
        .filter(({ slots }) => slots.size > 0)
        .slice(0, MAX_LISTED)
        .map(describe)
        .join(', ')}`,
    });
  }
  for (const later of repeats.values())
    if ([...chosen.slots.values()].some(({ mail }) => mail === later.mail))
      note({
        code: 'series.repeated',
        subject: where,
        patch: Math.max(1, later.number),
        where: later.mail.where,
      });
  const reroll = whole ? undefined : rerollOf(chosen, groups, thread);
  if (reroll)
    note({
      code: 'series.reroll',
      subject: where,
      version: chosen.version,
      kept: reroll.kept,
      earlier: reroll.earlier,
    });
  if (whole)
    note({ code: 'series.joined', subject: where, postings: groups.length, patches: whole.slots.size });
  else
    noteLeft(
      chosen,
      groups.filter((group) => !reroll?.bases.includes(group)),
      where,
      note,
    );
  const members = new Set(groups.flatMap(({ slots }) => [...slots.values()].map(({ mail }) => mail)));
  const isElsewhere = ({ mail, number }: Entry) =>
    members.has(mail) || repeats.has(mail) || (number === 0 && mail !== chosen.cover?.mail);
  leftMails(
    entries.filter((entry) => !isElsewhere(entry)),
    where,
    note,
  );
  return postingOf(reroll?.group ?? chosen);
}
