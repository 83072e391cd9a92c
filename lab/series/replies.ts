import type { Patch } from '../model/series.ts';
import { parsePerson, readTrailers } from './patch-text.ts';
import { type Entry, numberOf, type Posting } from './thread.ts';

/** Trailers that somebody who answers a patch may add to it. */
const GIVEN =
  /^((?:[A-Z][a-z]+-and-)?(?:Reviewed|Acked|Tested|Reported)(?:-and-[a-z]+)?-by):\s+(\S.*<\S+>)\s*(?:#.*)?$/;

export interface GivenTrailer {
  key: string;
  value: string;
  /** Patch number, 0 = all. */
  number: number;
}

/** The mail of the posting that a reply answers, over other replies. */
function answered(reply: Entry, posting: Posting, byId: ReadonlyMap<string, Entry>): Entry | undefined {
  const own = new Set<Entry | undefined>([posting.cover, ...posting.patches]);
  const seen = new Set<Entry>();
  for (let at: Entry | undefined = reply; at && !seen.has(at); ) {
    if (own.has(at)) return at;
    seen.add(at);
    at = byId.get(at.mail.inReplyTo ?? at.mail.references.at(-1) ?? '');
  }
  return undefined;
}

/** Archive pages show no message ids: there the subject has to tell. */
function answeredBySubject({ subject }: Entry, posting: Posting): Entry | undefined {
  const all = posting.cover ? [posting.cover, ...posting.patches] : posting.patches;
  return all.find(
    (entry) =>
      entry.subject.version === subject.version &&
      entry.subject.number === subject.number &&
      entry.subject.title === subject.title,
  );
}

/**
 * Trailers that replies give to the patches of a posting. One that names somebody else than the sender of the reply is
 * not taken (it may be quoted talk); it is in `doubtful`.
 */
export function trailersFromReplies(
  entries: readonly Entry[],
  posting: Posting,
): { given: GivenTrailer[]; doubtful: string[] } {
  const byId = new Map(
    entries.flatMap((entry) => (entry.mail.messageId ? [[entry.mail.messageId, entry]] : [])),
  );
  const given: GivenTrailer[] = [];
  const doubtful: string[] = [];
  for (const reply of entries.filter(({ subject }) => subject.reply)) {
    const target = byId.size > 0 ? answered(reply, posting, byId) : answeredBySubject(reply, posting);
    if (!target) continue;
    for (const line of reply.mail.text.split('\n')) {
      const [, key, value] = GIVEN.exec(line.trimEnd().slice(0, 1000)) ?? [];
      if (!key || !value) continue;
      const { name, email } = parsePerson(value);
      const { from } = reply.mail;
      const same = email.toLowerCase() === from.email.toLowerCase() || name === from.name;
      if (same) given.push({ key, value, number: target === posting.cover ? 0 : numberOf(target) });
      else doubtful.push(`${key}: ${value}, in a mail of ${from.name}`);
    }
  }
  return { given, doubtful };
}

/** The patch with those of the given trailers that are for it and that it does not have yet. */
export function addTrailers(patch: Patch, given: readonly GivenTrailer[]): Patch {
  const has = new Set(patch.trailers.map(({ key, value }) => `${key}: ${value}`.toLowerCase()));
  const fresh = given
    .filter(({ number }) => number === 0 || number === patch.number)
    .map(({ key, value }) => `${key}: ${value}`)
    .filter((line) => !has.has(line.toLowerCase()) && has.add(line.toLowerCase()));
  if (fresh.length === 0) return patch;
  const gap = patch.trailers.length > 0 ? '\n' : '\n\n';
  const body = `${patch.body}${patch.body ? gap : ''}${fresh.join('\n')}`;
  return { ...patch, body, trailers: readTrailers(body) };
}
