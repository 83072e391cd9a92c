import { InputError, type Problem } from '../core/errors.ts';
import type { Mail } from './mail.ts';
import { findDiff } from './patch-text.ts';
import { parseSubject, type Subject } from './subject.ts';

/** A message with its parsed subject. */
export interface Entry {
  mail: Mail;
  subject: Subject;
  /** Whether it has a diff; a quoted one does not count. */
  hasDiff: boolean;
}

/** The mails of one posting of a series. */
export interface Posting {
  version: number;
  /** Number of patches that its subjects announce. */
  total: number;
  cover?: Entry;
  /** In the order of the thread; numbers may repeat or be absent. */
  patches: Entry[];
}

/** A posting while it is collected. */
interface Group extends Posting {
  key: string;
  rootId?: string;
}

/** The messages with their subjects parsed, in the same order. */
export function readEntries(mails: readonly Mail[]): Entry[] {
  return mails.map((mail) => ({
    mail,
    subject: parseSubject(mail.subject),
    hasDiff: findDiff(mail.text.split('\n')) >= 0,
  }));
}

/** Patches and cover letters. In a thread without a subject that says PATCH, every message with a diff is a patch. */
function postedEntries(entries: readonly Entry[]): Entry[] {
  const original = entries.filter(({ subject }) => !subject.reply);
  const marked = original.filter(
    ({ subject, hasDiff }) => subject.patch && (hasDiff || subject.number === 0),
  );
  return marked.some(({ hasDiff }) => hasDiff) ? marked : original.filter(({ hasDiff }) => hasDiff);
}

const totalOf = ({ subject }: Entry) => subject.total ?? 1;
/** Number of a patch; 0 for a cover letter. */
export const numberOf = ({ subject }: Entry) => subject.number ?? 1;

/** Equal for mails of one posting: identifies it where mails have no `In-Reply-To`. */
function keyOf(entry: Entry): string {
  const { mail, subject } = entry;
  const title = subject.total === undefined ? subject.title : '';
  return JSON.stringify([subject.version, totalOf(entry), mail.from.email || mail.from.name, title]);
}

/** The first mail of an entry's posting: follows `In-Reply-To` as far as version and number of patches are the same. */
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

/** The postings of a thread, in the order of their first mails. */
export function groupPostings(entries: readonly Entry[]): Posting[] {
  const posted = postedEntries(entries);
  const byId = new Map(
    posted.flatMap((entry) => (entry.mail.messageId ? [[entry.mail.messageId, entry]] : [])),
  );
  const groups: Group[] = [];
  // Cover letters first: a patch without a link to one then joins the posting with the same key.
  const isCover = (entry: Entry) => entry.subject.number === 0;
  for (const entry of [...posted.filter(isCover), ...posted.filter((entry) => !isCover(entry))]) {
    const rootId = rootOf(entry, byId).mail.messageId;
    const linked = rootId ? groups.find((group) => group.rootId === rootId) : undefined;
    const similar =
      !isCover(entry) || !rootId ? groups.find((group) => group.key === keyOf(entry)) : undefined;
    let group = linked ?? similar;
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

/** A posting for notes: `patches` of `total` are present. */
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
 * The posting to import: version `wanted`, by default the newest. Of several with that version, one by the sender of the thread's first
 * patch mail comes first, then the latest. Throws InputError, listing the postings, when there is none.
 */
export function choosePosting(
  postings: readonly Posting[],
  wanted: number | undefined,
  where: string,
): { chosen: Posting; others: Posting[] } {
  const full = postings.filter(({ patches }) => patches.length > 0);
  const version = wanted ?? Math.max(...full.map((posting) => posting.version));
  const candidates = full.filter((posting) => posting.version === version);
  const opener = postings[0]?.cover ?? postings[0]?.patches[0];
  const byOpener = (posting: Posting) =>
    Number((posting.cover ?? posting.patches[0])?.mail.from.name === opener?.mail.from.name);
  const [chosen] = candidates.sort((a, b) => byOpener(b) - byOpener(a) || timeOf(b) - timeOf(a));
  if (!chosen) {
    const problem: Problem = {
      what: `there is no version ${version} of the series in it`,
      where,
      expected: `one of: ${full.map(describePosting).join(', ')}`,
    };
    throw new InputError(problem);
  }
  return { chosen, others: postings.filter((posting) => posting !== chosen) };
}
