import PostalMime, { type Email } from 'postal-mime';
import { InputError, type Problem } from '../core/errors.ts';
import { firstProblems, MAX_DATE, MAX_FORWARDS, MAX_HEADER_LINE, MAX_SUBJECT } from './limits.ts';
import { type MimeBudget, newBudget, tooCostly } from './mime-limits.ts';
import { plain } from './plain.ts';
import type { Mail, RawText } from './stages.ts';

/** Message ids in a header value, angle brackets included. */
const ids = (text: string | undefined) => text?.match(/<[^<>\s\u0000-\u001f\u007f-\u009f]+>/g) ?? [];

/** Whether decoding failed: undecodable bytes become U+FFFD, unless the raw message has that character itself. */
function isGarbled(text: string, raw: Buffer): boolean {
  if (!text.includes('\ufffd')) return false;
  return !raw.includes('\ufffd') && !/=EF=BF=BD/i.test(raw.toString('latin1'));
}

/** Removes the CRs of mail transport. A diff of a CRLF file keeps them: its header lines end in a plain LF. */
function unixLines(text: string): string {
  return /^(?:diff --git|---|@@) [^\r\n]*\r$/m.test(text) ? text.replace(/\r\n/g, '\n') : text;
}

/**
 * The message with an unencoded body in base64, on one line. In a message with LF line ends a CR is content (a patch to a CRLF file, as
 * git format-patch writes it), but postal-mime takes it for part of a line end; it also spends some 25 us on every line of
 * an unencoded body.
 */
function encodeBody(raw: Buffer): Buffer {
  const end = raw.indexOf('\n\n');
  const head = raw.toString('latin1', 0, Math.max(0, end));
  if (end < 0 || head.includes('\r') || /^Content-Type\b(?!:\s*text\/)/im.test(head)) return raw;
  const encoding = /^Content-Transfer-Encoding:[ \t]*(\S+).*\n?/im.exec(head);
  if (encoding && !/^[78]bit$/i.test(encoding[1] ?? '')) return raw;
  const headers = encoding ? head.replace(encoding[0], '') : head;
  const body = raw.subarray(end + 2).toString('base64');
  return Buffer.from(`${headers.trimEnd()}\nContent-Transfer-Encoding: base64\n\n${body}\n`, 'latin1');
}

/** What reading a message may cost, and how often it was forwarded. */
interface Reading {
  budget: MimeBudget;
  depth: number;
}

/** Parses one RFC 5322 message, forwarded messages as attachments. Throws Error when it is malformed or has too many parts or lines. */
async function readMessage(bytes: Buffer, { budget }: Reading): Promise<Email> {
  const encoded = encodeBody(bytes);
  const costly = tooCostly(encoded, budget);
  if (costly) throw new Error(costly);
  const limits = { maxNestingDepth: 20, maxHeadersSize: 1 << 20, forceRfc822Attachments: true };
  return PostalMime.parse(encoded, limits);
}

/** Text of the attachments that may be patches (`text/x-patch` and the like), and of forwarded messages. */
async function attachedText(email: Email, reading: Reading): Promise<string> {
  const texts: string[] = [];
  for (const { mimeType, filename, content } of email.attachments) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content as Uint8Array);
    if (/^text\/(?!html)/.test(mimeType) || /\.(?:patch|diff)$/.test(filename ?? '')) {
      texts.push(bytes.toString('utf8'));
    } else if (mimeType === 'message/rfc822' && reading.depth < MAX_FORWARDS) {
      const inner = { ...reading, depth: reading.depth + 1 };
      texts.push(await textOf(await readMessage(bytes, inner), inner));
    }
  }
  return texts.join('\n');
}

async function textOf(email: Email, reading: Reading): Promise<string> {
  const body = email.text ?? '';
  const attached = await attachedText(email, reading);
  return unixLines(attached ? `${body}\n${attached}` : body);
}

/** Decodes one RFC 5322 message (MIME, quoted-printable, base64, format=flowed). Resolves to a problem when it is malformed. */
async function parseMail({ bytes, where }: RawText, budget: MimeBudget): Promise<Mail | Problem> {
  let email: Email;
  let text: string;
  try {
    const reading = { budget, depth: 0 };
    email = await readMessage(bytes, reading);
    text = await textOf(email, reading);
  } catch (error) {
    return { what: `this is not a readable mail: ${(error as Error).message}`, where };
  }
  // The bytes have none (`readFiles`), but quoted-printable and base64 can: git refuses it in a message and cuts a line off at it.
  if (text.includes('\0')) return { what: 'its text has a zero byte', where, expected: 'the patch as text' };
  const header = (key: string) => email.headers.find((entry) => entry.key === key)?.value;
  const date = header('date') ?? email.date;
  const [messageId] = ids(email.messageId);
  const [inReplyTo] = ids(email.inReplyTo);
  const { name = '', address = '' } = email.from ?? {};
  return {
    subject: plain(email.subject ?? '').slice(0, MAX_HEADER_LINE),
    from: { name: plain(name || address).slice(0, MAX_SUBJECT), email: plain(address).slice(0, MAX_SUBJECT) },
    ...(date ? { date: plain(date).slice(0, MAX_DATE) } : {}),
    ...(messageId ? { messageId } : {}),
    ...(inReplyTo ? { inReplyTo } : {}),
    references: ids(email.references),
    text,
    where,
    ...(isGarbled(text, bytes) ? { garbled: true } : {}),
  };
}

/** The mails of messages, in the same order. Throws one InputError with a problem for each message that is malformed. */
export async function parseMails(messages: readonly RawText[]): Promise<Mail[]> {
  const budget = newBudget();
  const parsed = await Promise.all(messages.map((message) => parseMail(message, budget)));
  const problems = parsed.filter((mail): mail is Problem => 'what' in mail);
  if (problems.length > 0) throw new InputError(firstProblems(problems));
  return parsed.filter((mail): mail is Mail => 'text' in mail);
}
