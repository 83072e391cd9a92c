import { InputError, type Problem } from '../core/errors.ts';
import type { Mail } from './mail.ts';
import { findDiff } from './patch-text.ts';
import { parseSubject, type Subject } from './subject.ts';

/** A message with what its subject says and whether it carries a diff of its own (not a quoted one). */
export interface Entry {
  mail: Mail;
  subject: Subject;
  hasDiff: boolean;
}

/** The mails of one posting of a series. */
export interface Posting {
  version: number;
  /** How many patches its subjects announce. */
  total: number;
  cover?: Entry;
  /** In the order of the thread; numbers may repeat or be absent. */
  patches: Entry[];
}

interface Group extends Posting {
  key: string;
  rootId?: string;
}

export function readEntries(mails: readonly Mail[]): Entry[] {
  const entries = mails.map((mail) => ({
    mail,
    subject: parseSubject(mail.subject),
    hasDiff: findDiff(mail.text.split('\n')) >= 0,
  }));
  return entries;
}

/** Patches and covers. A thread in which no subject says PATCH is taken at its diffs. */
function postedIn(entries: readonly Entry[]): Entry[] {
  const original = entries.filter(({ subject }) => !subject.reply);
  const marked = original.filter(
    ({ subject, hasDiff }) => subject.patch && (hasDiff || subject.number === 0),
  );
  return marked.some(({ hasDiff }) => hasDiff) ? marked : original.filter(({ hasDiff }) => hasDiff);
}

const totalOf = ({ subject }: Entry) => subject.total ?? 1;
export const numberOf = ({ subject }: Entry) => subject.number ?? 1;

/** What mails of one posting have in common when nothing says which of them answers which. */
function keyOf(entry: Entry): string {
  const { mail, subject } = entry;
  const alone = subject.total === undefined ? subject.title : '';
  return JSON.stringify([subject.version, totalOf(entry), mail.from.email || mail.from.name, alone]);
}

/** Follows `In-Reply-To` up while it stays inside the same posting. */
function rootOf(entry: Entry, byId: ReadonlyMap<string, Entry>): Entry {
  const seen = new Set<Entry>([entry]);
  for (let at = entry; ; ) {
    const parent = byId.get(at.mail.inReplyTo ?? at.mail.references.at(-1) ?? '');
    const same = parent?.subject.version === at.subject.version && parent.subject.total === at.subject.total;
    if (!parent || !same || at.subject.total === undefined || seen.has(parent)) return at;
    seen.add(parent);
    at = parent;
  }
}

/** Sorts the posted mails of a thread into postings. */
export function groupPostings(entries: readonly Entry[]): Posting[] {
  const posted = postedIn(entries);
  const byId = new Map(
    posted.flatMap((entry) => (entry.mail.messageId ? [[entry.mail.messageId, entry]] : [])),
  );
  const groups: Group[] = [];
  // Covers first: a patch that lost its link to the cover joins the posting that looks like its own.
  const isCover = (entry: Entry) => entry.subject.number === 0;
  for (const entry of [...posted.filter(isCover), ...posted.filter((entry) => !isCover(entry))]) {
    const rootId = rootOf(entry, byId).mail.messageId;
    const linked = rootId ? groups.find((group) => group.rootId === rootId) : undefined;
    const alike = !isCover(entry) || !rootId ? groups.find((group) => group.key === keyOf(entry)) : undefined;
    let group = linked ?? alike;
    if (!group) {
      group = { key: keyOf(entry), version: entry.subject.version, total: totalOf(entry), patches: [] };
      if (rootId) group.rootId = rootId;
      groups.push(group);
    }
    if (isCover(entry)) group.cover ??= entry;
    else group.patches.push(entry);
  }
  return groups;
}

const timeOf = ({ cover, patches }: Posting) => Date.parse((cover ?? patches[0])?.mail.date ?? '') || 0;

export const postingFacts = ({ version, total, cover, patches }: Posting) => ({
  version,
  title: (cover ?? patches[0])?.subject.title ?? '',
  patches: patches.length,
  total,
});

const describePosting = (posting: Posting) => {
  const { version, title, patches, total } = postingFacts(posting);
  return `v${version} "${title}" (${patches} of ${total})`;
};

/**
 * The posting to take: that of `version`, else the newest version; of several, the sender of the thread's first patch mail
 * goes first, then the latest. Throws InputError when there is none.
 */
export function choosePosting(
  postings: readonly Posting[],
  wanted: number | undefined,
  where: string,
): { chosen: Posting; others: Posting[] } {
  const full = postings.filter(({ patches }) => patches.length > 0);
  const version = wanted ?? Math.max(...full.map((posting) => posting.version));
  const fitting = full.filter((posting) => posting.version === version);
  const opener = postings[0]?.cover ?? postings[0]?.patches[0];
  const own = (posting: Posting) =>
    Number((posting.cover ?? posting.patches[0])?.mail.from.name === opener?.mail.from.name);
  const [chosen] = fitting.sort((a, b) => own(b) - own(a) || timeOf(b) - timeOf(a));
  if (!chosen) {
    const problem: Problem = {
      what: `there is no version ${version} in it`,
      where,
      expected: `one of: ${full.map(describePosting).join(', ')}`,
    };
    throw new InputError(problem);
  }
  return { chosen, others: postings.filter((posting) => posting !== chosen) };
}
