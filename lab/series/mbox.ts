const FROM_LINE = /^From \S.*\d\d:\d\d(?::\d\d)?.*\d{4}/;

/** Whether a text starts with the `From ` line of an mbox. */
export function looksLikeMbox(head: string): boolean {
  return FROM_LINE.test(head.split('\n', 1)[0] ?? '');
}

/** Undoes mboxrd's quoting: removes one `>` from `>From `, `>>From ` and so on. */
function unquoteFrom(text: string): string {
  return text.replace(/^>(>*From )/gm, '$1');
}

/** The messages of an mbox (mboxo or mboxrd) as undecoded bytes, without their `From ` lines. */
export function splitMbox(bytes: Buffer): Buffer[] {
  // latin1 maps each byte to one character and back.
  const text = bytes.toString('latin1');
  const starts: number[] = [];
  for (const match of text.matchAll(/^From /gm)) {
    const at = match.index;
    const line = text.slice(at, text.indexOf('\n', at) + 1 || undefined);
    const afterBlank = at === 0 || /\n\r?\n$/.test(text.slice(Math.max(0, at - 3), at));
    if (afterBlank && FROM_LINE.test(line)) starts.push(at);
  }
  return starts.map((at, index) => {
    const body = text.indexOf('\n', at) + 1;
    const message = body === 0 ? '' : text.slice(body, starts[index + 1]);
    return Buffer.from(unquoteFrom(message), 'latin1');
  });
}
