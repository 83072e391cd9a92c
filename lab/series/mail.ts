import PostalMime, { type Email } from 'postal-mime';
import type { Problem } from '../core/errors.ts';

export interface Person {
  name: string;
  /** Empty when the archive does not show it. */
  email: string;
}

/** One message of a thread, wherever it came from. */
export interface Mail {
  subject: string;
  from: Person;
  date?: string;
  messageId?: string;
  inReplyTo?: string;
  references: string[];
  /** Decoded body, lines ended by `\n`. */
  text: string;
  /** For messages to the user: `thread.mbox, message 3`. */
  where: string;
  /** Set when the bytes of the body are not what their charset says: a patch must not be taken from it. */
  garbled?: boolean;
}

const ids = (text: string | undefined) => text?.match(/<[^<>\s]+>/g) ?? [];

/** Text parts that mailers attach instead of inlining (`text/x-patch` and the like). */
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

/** Bytes that could not be decoded become U+FFFD; one that was posted as such shows in the raw message. */
function isGarbled(text: string, raw: Buffer): boolean {
  if (!text.includes('\ufffd')) return false;
  return !raw.includes('\ufffd') && !/=EF=BF=BD/i.test(raw.toString('latin1'));
}

/** Mail is CRLF on the wire; a diff of a CRLF file still has plain LF in its own header lines. */
function unixLines(text: string): string {
  return /^(?:diff --git|---|@@) [^\r\n]*\r$/m.test(text) ? text.replace(/\r\n/g, '\n') : text;
}

/**
 * Hands an unencoded body over in base64, on one line. In a message with plain LF line ends a carriage return is content
 * (a patch to a CRLF file, as git format-patch writes it), but the parser takes it for the wire's line end; and it spends
 * some 25 us on every line of an unencoded body.
 */
function packBody(raw: Buffer): Buffer {
  const end = raw.indexOf('\n\n');
  const head = raw.toString('latin1', 0, Math.max(0, end));
  if (end < 0 || head.includes('\r') || /^Content-Type:\s*(?:multipart|message)/im.test(head)) return raw;
  const encoding = /^Content-Transfer-Encoding:[ \t]*(\S+).*\n?/im.exec(head);
  if (encoding && !/^[78]bit$/i.test(encoding[1] ?? '')) return raw;
  const kept = encoding ? head.replace(encoding[0], '') : head;
  const body = raw.subarray(end + 2).toString('base64');
  return Buffer.from(`${kept.trimEnd()}\nContent-Transfer-Encoding: base64\n\n${body}\n`, 'latin1');
}

/** Decodes one RFC 5322 message (MIME, quoted-printable, base64, format=flowed); a problem when it cannot be read. */
export async function parseMail(raw: Buffer, where: string): Promise<Mail | Problem> {
  let email: Email;
  try {
    email = await PostalMime.parse(packBody(raw), { maxNestingDepth: 20, maxHeadersSize: 1 << 20 });
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
  return {
    subject: email.subject ?? '',
    from: { name: email.from?.name || (email.from?.address ?? ''), email: email.from?.address ?? '' },
    ...(date ? { date } : {}),
    ...(messageId ? { messageId } : {}),
    ...(inReplyTo ? { inReplyTo } : {}),
    references: ids(email.references),
    text,
    where,
    ...(isGarbled(text, raw) ? { garbled: true } : {}),
  };
}
