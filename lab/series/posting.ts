import { InputError, type Problem } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import type { Entry, Posting } from './stages.ts';

/** A posting while it is collected. */
interface Group extends Posting {
  key: string;
  rootId?: string;
}

const hasDiff = ({ diffStart }: Entry) => diffStart !== undefined;

/** Patches and cover letters. In a thread without a subject that says PATCH, every message with a diff is a patch. */
function postedEntries(entries: readonly Entry[]): Entry[] {
  const original = entries.filter(({ subject }) => !subject.reply);
  const marked = original.filter((entry) => entry.subject.patch && (hasDiff(entry) || entry.number === 0));
  return marked.some(hasDiff) ? marked : original.filter(hasDiff);
}

const totalOf = ({ subject }: Entry) => subject.total ?? 1;

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
function groupPostings(entries: readonly Entry[]): Posting[] {
  const posted = postedEntries(entries);
  const byId = new Map(
    posted.flatMap((entry) => (entry.mail.messageId ? [[entry.mail.messageId, entry]] : [])),
  );
  const groups: Group[] = [];
  // Cover letters first: a patch without a link to one then joins the posting with the same key.
  const isCover = (entry: Entry) => entry.number === 0;
  for (const entry of [...posted.filter(isCover), ...posted.filter((entry) => !isCover(entry))]) {
    const key = keyOf(entry);
    const rootId = rootOf(entry, byId).mail.messageId;
    const linked = rootId ? groups.find((group) => group.rootId === rootId) : undefined;
    const similar = !isCover(entry) || !rootId ? groups.find((group) => group.key === key) : undefined;
    let group = linked ?? similar;
    if (!group) {
      group = { key, version: entry.subject.version, total: totalOf(entry), patches: [] };
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
const postingFacts = ({ version, total, cover, patches }: Posting) => ({
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
 * patch mail comes first, then the latest; a note lists the others. Throws InputError, listing the postings, when there is none.
 */
export function choosePosting(
  entries: readonly Entry[],
  wanted: number | undefined,
  where: string,
  ctx: StageContext,
): Posting {
  const postings = groupPostings(entries);
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
  const left = postings.filter((posting) => posting !== chosen).map(postingFacts);
  if (left.length > 0) {
    const note = { code: 'series.postings' as const, subject: where, taken: postingFacts(chosen), left };
    ctx.emit({ type: 'note', note });
  }
  return chosen;
}
