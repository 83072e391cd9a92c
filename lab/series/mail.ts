import PostalMime, { type Email } from 'postal-mime';
import { InputError, type Problem } from '../core/errors.ts';
import { firstProblems, MAX_PARTS } from './limits.ts';
import type { Mail, RawText } from './stages.ts';

/** Message ids in a header value, angle brackets included. */
const ids = (text: string | undefined) => text?.match(/<[^<>\s]+>/g) ?? [];

/** Text of the attachments that may be patches (`text/x-patch` and the like). */
function attachedText(email: Email): string {
  return email.attachments
    .filter(
      ({ mimeType, filename }) =>
        /^text\/(?!html)/.test(mimeType) || /\.(?:patch|diff)$/.test(filename ?? ''),
    )
    .map(({ content }) =>
      typeof content === 'string' ? content : Buffer.from(content as Uint8Array).toString('utf8'),
    )
    .join('\n');
}

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
  if (end < 0 || head.includes('\r') || /^Content-Type:\s*(?:multipart|message)/im.test(head)) return raw;
  const encoding = /^Content-Transfer-Encoding:[ \t]*(\S+).*\n?/im.exec(head);
  if (encoding && !/^[78]bit$/i.test(encoding[1] ?? '')) return raw;
  const headers = encoding ? head.replace(encoding[0], '') : head;
  const body = raw.subarray(end + 2).toString('base64');
  return Buffer.from(`${headers.trimEnd()}\nContent-Transfer-Encoding: base64\n\n${body}\n`, 'latin1');
}

/**
 * A header value without control characters, which encoded words can have: a line break in a name would end a header of what is
 * exported, or a line of what is printed.
 */
const plain = (value: string) => value.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();

/** Whether a message has more MIME parts than `MAX_PARTS`, counted by the boundaries that it declares. */
function hasManyParts(raw: Buffer): boolean {
  const text = raw.toString('latin1');
  const declared = text.matchAll(/boundary="?([^"\s;]{1,70})/gi);
  const boundaries = new Set([...declared].map(([, boundary = '']) => boundary));
  if (boundaries.size === 0) return false;
  let parts = 0;
  for (const [, line = ''] of text.matchAll(/^--(\S{1,70})/gm)) {
    if (boundaries.has(line)) parts++;
    if (parts > MAX_PARTS) return true;
  }
  return boundaries.size > MAX_PARTS;
}

/** Decodes one RFC 5322 message (MIME, quoted-printable, base64, format=flowed). Resolves to a problem when it is malformed. */
async function parseMail({ bytes, where }: RawText): Promise<Mail | Problem> {
  if (hasManyParts(bytes)) return { what: `it has more than ${MAX_PARTS} MIME parts`, where };
  let email: Email;
  try {
    email = await PostalMime.parse(encodeBody(bytes), { maxNestingDepth: 20, maxHeadersSize: 1 << 20 });
  } catch (error) {
    return { what: `this is not a readable mail: ${(error as Error).message}`, where };
  }
  const body = email.text ?? '';
  const attached = attachedText(email);
  const text = unixLines(attached ? `${body}\n${attached}` : body);
  const header = (key: string) => email.headers.find((entry) => entry.key === key)?.value;
  const date = header('date') ?? email.date;
  const [messageId] = ids(email.messageId);
  const [inReplyTo] = ids(email.inReplyTo);
  const { name = '', address = '' } = email.from ?? {};
  return {
    subject: plain(email.subject ?? ''),
    from: { name: plain(name || address), email: plain(address) },
    ...(date ? { date: plain(date) } : {}),
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
  const parsed = await Promise.all(messages.map(parseMail));
  const problems = parsed.filter((mail): mail is Problem => 'what' in mail);
  if (problems.length > 0) throw new InputError(firstProblems(problems));
  return parsed.filter((mail): mail is Mail => 'text' in mail);
}
