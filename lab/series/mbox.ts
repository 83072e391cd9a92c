import type { RawText } from './stages.ts';

/**
 * Whether a line starts a message of an mbox: `From `, a sender, a time and later a year. One search after the other, because one
 * expression for all of it takes 14 s for a line of 120 kB that repeats a time.
 */
function isFromLine(line: string): boolean {
  if (!/^From \S/.test(line)) return false;
  const time = line.slice(6).search(/\d\d:\d\d/);
  return time >= 0 && /\d{4}/.test(line.slice(6 + time + 5));
}

/** Bytes that the format of a file is recognised by. */
const HEAD = 1 << 16;

/** Whether a text starts with a header block that has a sender, and a subject or date. */
function isMail(head: string): boolean {
  const block = head.split(/\r?\n\r?\n/, 1)[0] ?? '';
  return (
    /^[A-Za-z][A-Za-z0-9-]*:[ \t]/.test(block) && /^From:/im.test(block) && /^(?:Subject|Date):/im.test(block)
  );
}

/** Undoes mboxrd's quoting: removes one `>` from `>From `, `>>From ` and so on. */
function unquoteFrom(text: string): string {
  return text.replace(/^>(>*From )/gm, '$1');
}

/** The messages of an mbox (mboxo or mboxrd) as undecoded bytes, without their `From ` lines. */
function splitMbox(bytes: Buffer): Buffer[] {
  // latin1 maps each byte to one character and back.
  const text = bytes.toString('latin1');
  const starts: number[] = [];
  for (const match of text.matchAll(/^From /gm)) {
    const at = match.index;
    const line = text.slice(at, text.indexOf('\n', at) + 1 || undefined);
    const afterBlank = at === 0 || /\n\r?\n$/.test(text.slice(Math.max(0, at - 3), at));
    if (afterBlank && isFromLine(line)) starts.push(at);
  }
  return starts.map((at, index) => {
    const body = text.indexOf('\n', at) + 1;
    const message = body === 0 ? '' : text.slice(body, starts[index + 1]);
    return Buffer.from(unquoteFrom(message), 'latin1');
  });
}

/** The messages of a file, not decoded: those of an mbox, the file itself when it is one mail, none when it is neither. */
export function splitMessages(file: RawText): { isMbox: boolean; messages: RawText[] } {
  const head = file.bytes.toString('latin1', 0, HEAD);
  if (!isFromLine(head.split('\n', 1)[0] ?? '')) {
    return { isMbox: false, messages: isMail(head) ? [file] : [] };
  }
  const messages = splitMbox(file.bytes);
  const placeOf = (index: number) =>
    messages.length > 1 ? `${file.where}, message ${index + 1}` : file.where;
  return { isMbox: true, messages: messages.map((bytes, index) => ({ bytes, where: placeOf(index) })) };
}
