import { InputError, type Problem } from '../core/errors.ts';
import { headerText, readHeaders } from './headers.ts';
import { firstProblems, MAX_DATE, MAX_FORWARDS, MAX_HEADER_LINE } from './limits.ts';
import { textOf } from './mail-text.ts';
import { type MimeBudget, newBudget, type Part, readMessage } from './mime.ts';
import { parseFrom } from './person.ts';
import type { Mail, RawText } from './stages.ts';

/** Message ids in a header value, angle brackets included. */
const ids = (text = '') => text.match(/<[^<>\s\u0000-\u001f\u007f-\u009f]+>/g) ?? [];

/** Removes the CRs of mail transport, which the headers show: git format-patch ends header lines in a plain LF, also of CRLF files. */
function withoutTransport(bytes: Buffer): Buffer {
  const first = bytes.indexOf(10);
  if (first < 1 || bytes[first - 1] !== 13) return bytes;
  return Buffer.from(bytes.toString('latin1').replace(/\r\n/g, '\n'), 'latin1');
}

/** Whether a part is a message of its own: forwarded, or a file of git format-patch. */
function isMessage({ type, whole, bytes }: Part): boolean {
  if (whole) return false;
  if (type === 'message/rfc822') return true;
  if (type === 'text/html' || bytes.includes(0)) return false;
  const { values } = readHeaders(bytes.toString('latin1', 0, 1 << 16));
  return (
    values.has('from') &&
    values.has('subject') &&
    /^(?:From |From:|Subject:)/.test(bytes.toString('latin1', 0, 8))
  );
}

interface Reading {
  budget: MimeBudget;
  depth: number;
  where: string;
  /** The mail around a forwarded one. */
  outer?: Mail;
}

function mailOf(
  headers: ReadonlyMap<string, string>,
  parts: readonly Part[],
  { where, outer }: Reading,
): Mail {
  const header = (name: string) => headers.get(name) ?? '';
  const from = headers.has('from') ? parseFrom(headerText(header('from'))) : undefined;
  const date = headerText(header('date')).slice(0, MAX_DATE) || outer?.date;
  const [messageId] = ids(headerText(header('message-id')));
  const [inReplyTo] = ids(headerText(header('in-reply-to')));
  return {
    subject: headers.has('subject')
      ? headerText(header('subject')).slice(0, MAX_HEADER_LINE)
      : (outer?.subject ?? ''),
    from: from ?? outer?.from ?? { name: '', email: '' },
    ...(date ? { date } : {}),
    ...(messageId ? { messageId } : {}),
    ...(inReplyTo ? { inReplyTo } : {}),
    references: ids(headerText(header('references'))),
    ...textOf(parts),
    where,
  };
}

/** The mail of a message, and after it those that are attached to it. Throws Error when it has too many parts. */
function readMails(bytes: Buffer, reading: Reading): Mail[] {
  const { headers, parts } = readMessage(withoutTransport(bytes), reading.budget);
  const attached = reading.depth < MAX_FORWARDS ? parts.filter(isMessage) : [];
  const mail = mailOf(
    headers,
    parts.filter((part) => !attached.includes(part)),
    reading,
  );
  const inner = attached.flatMap((part, index) =>
    readMails(part.bytes, {
      budget: reading.budget,
      depth: reading.depth + 1,
      where: `${reading.where}, attached message ${index + 1}`,
      outer: mail,
    }),
  );
  return [mail, ...inner];
}

/** Decodes one RFC 5322 message and those attached to it. Returns a problem when it is malformed. */
function parseMail({ bytes, where }: RawText, budget: MimeBudget): Mail[] | Problem {
  let mails: Mail[];
  try {
    mails = readMails(bytes, { budget, depth: 0, where });
  } catch (error) {
    return { what: `this is not a readable mail: ${(error as Error).message}`, where };
  }
  // The bytes have none (`readFiles`), but quoted-printable and base64 can: git refuses it in a message and cuts a line off at it.
  if (mails.some(({ text }) => text.includes('\0')))
    return { what: 'its text has a zero byte', where, expected: 'the patch as text' };
  return mails;
}

/**
 * For each message its mail and those attached to it. Throws one InputError with a problem for each message that is malformed.
 */
export function parseMails(messages: readonly RawText[]): Mail[][] {
  const budget = newBudget();
  const parsed = messages.map((message) => parseMail(message, budget));
  const problems = parsed.filter((mail): mail is Problem => !Array.isArray(mail));
  if (problems.length > 0) throw new InputError(firstProblems(problems));
  return parsed.filter((mails) => Array.isArray(mails));
}
