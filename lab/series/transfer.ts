/** Lines that RFC 2045 base64 may consist of. */
const BASE64_LINE = /^[A-Za-z0-9+/]*={0,2}$/;

/** Decodes base64 up to the first line that is none: lists append a footer to an encoded body. */
function decodeBase64(text: string): Buffer {
  const chunks: Buffer[] = [];
  let open = '';
  for (const line of text.split('\n')) {
    const data = line.replace(/[ \t\r]+/g, '');
    if (!BASE64_LINE.test(data)) break;
    open += data;
    // A group that is padded, or a whole number of groups, is complete.
    if (open.length < 4096 && !open.endsWith('=')) continue;
    const whole = open.endsWith('=') ? open.length : open.length - (open.length % 4);
    chunks.push(Buffer.from(open.slice(0, whole), 'base64'));
    open = open.slice(whole);
  }
  return Buffer.concat([...chunks, Buffer.from(open, 'base64')]);
}

/** Decodes quoted-printable; a `=` that encodes nothing is kept, as git mailinfo does. */
const decodeQuoted = (text: string) =>
  Buffer.from(
    text
      .replace(/=[ \t]*\r?\n/g, '')
      .replace(/=([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );

/** The bytes of a body (latin1) in a Content-Transfer-Encoding; one that is unknown encodes nothing. */
export function decodeTransfer(text: string, encoding: string): Buffer {
  if (/base64/i.test(encoding)) return decodeBase64(text);
  if (/quoted-printable/i.test(encoding)) return decodeQuoted(text);
  return Buffer.from(text, 'latin1');
}
