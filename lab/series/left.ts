import type { Note } from '../model/note.ts';
import { oneLine } from '../model/visible.ts';
import { MAX_LISTED } from './limits.ts';
import type { Entry } from './stages.ts';

/** Why a mail that no posting has is remarkable; undefined when it is discussion. */
function reasonOf({
  subject,
  diffStart,
  number,
}: Entry): 'reply' | 'cover' | 'unmarked' | 'no-diff' | undefined {
  if (diffStart !== undefined && number === 0) return 'cover';
  if (diffStart !== undefined) return subject.reply ? 'reply' : 'unmarked';
  return !subject.reply && subject.patch && subject.number !== 0 ? 'no-diff' : undefined;
}

/** Notes the mails that are not part of the series though they have a diff, or a subject that announces one. */
export function leftMails(entries: readonly Entry[], where: string, note: (note: Note) => void): void {
  const left = entries.flatMap((entry) => {
    const reason = reasonOf(entry);
    return reason ? [{ where: entry.mail.where, title: oneLine(entry.mail.subject, 200), reason }] : [];
  });
  if (left.length === 0) return;
  note({ code: 'series.left', subject: where, mails: left.slice(0, MAX_LISTED), count: left.length });
}
