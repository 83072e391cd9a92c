import { InputError } from '../core/errors.ts';
import type { Note } from '../model/note.ts';
import type { Patch } from '../model/series.ts';
import { MAX_COVER_TRAILERS, MAX_LISTED, MAX_TRAILERS } from './limits.ts';
import type { Entry, Mail, Posting } from './stages.ts';
import { threadOf } from './thread.ts';
import { parsePerson } from './trailers.ts';

/** Trailers that a reply may add to the patch it answers. */
const REPLY_TRAILER =
  /^((?:[A-Z][a-z]+-and-)?(?:Reviewed|Acked|Tested|Reported)(?:-and-[a-z]+)?-by):\s+(\S[^<>]*<[^<>\s]+>)\s*(?:#.*)?$/;

/** The line without the links that a mailer adds to addresses: `<a@b<mailto:a@b>>`. */
const withoutMarkup = (line: string) => line.replace(/<mailto:[^<>]*>/g, '');

/** A trailer from a reply. */
interface ReplyTrailer {
  key: string;
  value: string;
  /** Number of the patch that the reply answers; 0, a cover letter, stands for all patches. */
  number: number;
}

/** The numbers of the mails of a posting. */
const numbersOf = ({ cover, patches }: Posting): Map<Mail, number> =>
  new Map([
    ...patches.map(({ mail, number }): [Mail, number] => [mail, number]),
    ...(cover ? [[cover.mail, 0] as const] : []),
  ]);

/** Whether a mail discusses others: it answers one, and is neither a patch nor a cover letter, whatever its subject says. */
const isDiscussion = ({ subject, diffStart, number, mail }: Entry) =>
  subject.reply ||
  (diffStart === undefined &&
    !(subject.patch && number === 0) &&
    (mail.inReplyTo !== undefined || mail.references.length > 0));

/** The same by subject, for archive pages, which show no message ids. */
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
 * Trailers in replies to the patches of a posting. A trailer that names a person other than the sender may be quoted text: it is
 * in `rejected`, with the sender; of more than `MAX_LISTED` the last line has the number.
 */
function trailersFromReplies(
  entries: readonly Entry[],
  posting: Posting,
): { trailers: ReplyTrailer[]; rejected: string[] } {
  const numbers = numbersOf(posting);
  const thread = threadOf(entries, ({ mail }) => numbers.has(mail));
  const hasIds = entries.some(({ mail }) => mail.messageId);
  const trailers = new Map<string, ReplyTrailer>();
  const rejected: string[] = [];
  let rejections = 0;
  for (const reply of entries.filter(isDiscussion)) {
    const target = hasIds ? thread.postedOf(reply) : answeredBySubject(reply, posting);
    const number = target && numbers.get(target.mail);
    if (number === undefined) continue;
    for (const line of reply.mail.text.split('\n')) {
      const [, key, value] = REPLY_TRAILER.exec(withoutMarkup(line.trimEnd().slice(0, 1000))) ?? [];
      if (!key || !value) continue;
      const { name, email } = parsePerson(value);
      const { from } = reply.mail;
      const isSender = email.toLowerCase() === from.email.toLowerCase() || name === from.name;
      if (isSender) trailers.set(`${number} ${key}: ${value}`, { key, value, number });
      else if (rejections++ < MAX_LISTED) rejected.push(`${key}: ${value}, in a mail of ${from.name}`);
    }
  }
  if (rejections > MAX_LISTED) rejected.push(`${rejections - MAX_LISTED} more of such lines`);
  return { trailers: [...trailers.values()], rejected };
}

/** The patch with the trailers of replies to it, and to the whole posting, that it does not have yet. */
function addTrailers(patch: Patch, trailers: readonly ReplyTrailer[]): Patch {
  const present = new Set(patch.trailers.map(({ key, value }) => `${key}: ${value}`.toLowerCase()));
  const added = trailers
    .filter(({ number }) => number === 0 || number === patch.number)
    .map(({ key, value }) => ({ key, value, line: `${key}: ${value}` }))
    .filter(({ line }) => !present.has(line.toLowerCase()) && present.add(line.toLowerCase()));
  if (added.length === 0) return patch;
  const gap = patch.trailers.length > 0 ? '\n' : '\n\n';
  const body = `${patch.body}${patch.body ? gap : ''}${added.map(({ line }) => line).join('\n')}`;
  return {
    ...patch,
    body,
    trailers: [...patch.trailers, ...added.map(({ key, value }) => ({ key, value }))],
  };
}

/** Throws InputError when replies add more trailers than people can have written. Those to a cover letter go to every patch. */
function checkNumber(trailers: readonly ReplyTrailer[], where: string): void {
  const toAll = trailers.filter(({ number }) => number === 0).length;
  if (trailers.length <= MAX_TRAILERS && toAll <= MAX_COVER_TRAILERS) return;
  const what = `${trailers.length} trailers in replies, ${toAll} of them to the cover letter`;
  const expected = `at most ${MAX_TRAILERS}, and ${MAX_COVER_TRAILERS} to the cover letter`;
  throw new InputError({ what, where, expected });
}

/** The patches of a posting with the trailers that replies in its thread add. A note lists each that is not its sender's own. Throws
 * InputError when there are too many. */
export function addReplies(
  patches: readonly Patch[],
  entries: readonly Entry[],
  posting: Posting,
  where: string,
  note: (note: Note) => void,
): Patch[] {
  const { trailers, rejected } = trailersFromReplies(entries, posting);
  checkNumber(trailers, where);
  for (const line of rejected) note({ code: 'series.trailer', subject: where, line });
  return patches.map((patch) => addTrailers(patch, trailers));
}
