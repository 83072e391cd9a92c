import { decodeDiff, decodeLoose } from './charset.ts';
import type { Mail } from './stages.ts';

/** What b4 prep ends the message of its cover letter with, which is an empty commit; JSON with the version follows. */
const B4_TRACKING = /^--- b4-submit-tracking ---$/m;

/** The cover letter that b4 prep keeps in an empty commit; undefined for any other commit. */
function coverOf(mail: Mail, message: string, total: number): Mail | undefined {
  const mark = B4_TRACKING.exec(message);
  if (!mark) return undefined;
  const version = /"revision": *(\d{1,3})/.exec(message.slice(mark.index))?.[1] ?? '1';
  const { messageLines: _lines, ...rest } = mail;
  return {
    ...rest,
    subject: `[PATCH v${version} 0/${total}] ${mail.subject}`,
    text: message.slice(0, mark.index),
  };
}

/**
 * The commits of a log in the format of `writeLog`: between zero bytes a head of lines (id, author, address, date, title), the rest of the
 * message, and the diff. A commit of b4 prep becomes a cover letter.
 */
export function readCommits(log: Buffer, where: string): Mail[] {
  const pieces: Buffer[] = [];
  for (let at = log.indexOf(0) + 1; at > 0 && at < log.length; ) {
    const end = log.indexOf(0, at);
    pieces.push(log.subarray(at, end < 0 ? undefined : end));
    at = end < 0 ? log.length : end + 1;
  }
  const commits = Array.from({ length: Math.ceil(pieces.length / 3) }, (_, index) =>
    pieces.slice(3 * index, 3 * index + 3),
  );
  const total = commits.filter(([, , diff]) => diff?.includes('diff --git ')).length;
  return commits.map(([head, body, changes = Buffer.alloc(0)]) => {
    const [id = '', name = '', email = '', date = '', subject = ''] = decodeLoose(
      head ?? Buffer.alloc(0),
    ).split('\n');
    const message = decodeLoose(body ?? Buffer.alloc(0)).replace(/\n*$/, '\n');
    const diff = decodeDiff(changes, '');
    const mail: Mail = {
      subject,
      from: { name, email },
      ...(date ? { date } : {}),
      references: [],
      text: message + diff.text.replace(/^\n+/, ''),
      messageLines: message.split('\n').length - 1,
      where: `${where}, commit ${id.slice(0, 12)}`,
      ...(diff.kind === 'garbled' ? { garbled: true } : {}),
    };
    return changes.includes('diff --git ') ? mail : (coverOf(mail, message, total) ?? mail);
  });
}
