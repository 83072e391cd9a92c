/**
 * The lines of a format=flowed text (RFC 3676) as they were before a mailer broke them: a line that ends in a blank continues in the
 * next one, and a first blank is stuffing. `delSp`: the blank at the end is part of the break.
 */
export function unflow(text: string, delSp: boolean): string {
  const lines: string[] = [];
  let open = '';
  for (const written of text.split('\n')) {
    const line = written.replace(/\r$/, '');
    if (line === '-- ') {
      if (open) lines.push(open);
      lines.push(line);
      open = '';
      continue;
    }
    const unstuffed = line.startsWith(' ') ? line.slice(1) : line;
    if (unstuffed.endsWith(' ')) open += delSp ? unstuffed.slice(0, -1) : unstuffed;
    else {
      lines.push(open + unstuffed);
      open = '';
    }
  }
  return [...lines, ...(open ? [open] : [])].join('\n');
}
