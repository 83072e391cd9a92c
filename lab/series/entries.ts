import { findDiff } from './diff-start.ts';
import type { Content, Entry, Subject } from './stages.ts';
import { parseSubject } from './subject.ts';

/** The title of a commit, which has no prefixes. */
const commitSubject = (title: string): Subject => ({
  ...parseSubject('[PATCH]'),
  title,
});

/**
 * The mails with their subjects parsed and the starts of their diffs, in the same order. `alone`: none of them answers another, whatever
 * the subject says.
 */
export function readEntries(mails: Content['mails'], alone: boolean): Entry[] {
  return mails.map((mail, order) => {
    const written =
      mail.messageLines === undefined ? parseSubject(mail.subject) : commitSubject(mail.subject);
    const parsed = alone ? { ...written, reply: false } : written;
    const skipped = mail.messageLines ?? 0;
    const found = findDiff(mail.text.split('\n').slice(skipped));
    const diffStart = found === undefined ? undefined : found + skipped;
    const hasDiff = diffStart === undefined ? {} : { diffStart };
    // `0/0` announces nothing: with a diff it is a patch, as git am takes it.
    const subject =
      parsed.total === 0 && diffStart !== undefined ? { ...parsed, number: 1, total: 1 } : parsed;
    return { mail, subject, number: subject.number ?? 1, order, ...hasDiff };
  });
}
