import type { Mail } from './stages.ts';

const SEPARATOR = /^\^ permalink raw reply.*$/m;
const SENDER = /^From: (.*?) @ (\d{4}-\d\d-\d\d +\d{1,2}:\d\d) UTC \(permalink \/ raw\)$/;

/** Whether a text is the flat view of a public-inbox thread, saved from a browser. */
function isLorePage(text: string): boolean {
  return SEPARATOR.test(text) && /^From: .* UTC \(permalink \/ raw\)$/m.test(text);
}

/** `2024-04-08  1:03` -> ISO 8601. */
function isoDate(written: string): string {
  const [day, time = '0:00'] = written.split(/ +/);
  return `${day}T${time.padStart(5, '0')}:00Z`;
}

/** One message: `* subject`, an outline of the thread, `From: name @ date`, To and Cc, a blank line, and the body. */
function readMessage(lines: readonly string[], where: string): Mail | undefined {
  const sender = lines.findIndex((line) => SENDER.test(line));
  const top = lines.slice(0, Math.max(0, sender)).findLastIndex((line) => line.startsWith('* '));
  if (sender < 0 || top < 0) return undefined;
  const [, name = '', date = ''] = SENDER.exec(lines[sender] ?? '') ?? [];
  const body = lines.indexOf('', sender);
  return {
    subject: (lines[top] ?? '').slice(2),
    from: { name, email: '' },
    date: isoDate(date),
    references: [],
    text: body < 0 ? '' : lines.slice(body + 1).join('\n'),
    where,
  };
}

/** The messages of a saved public-inbox thread, in the order of the page; undefined for any other text. */
export function readLorePage(text: string, where: string): { mails: Mail[] } | undefined {
  if (!isLorePage(text)) return undefined;
  const mails = text.split(SEPARATOR).flatMap((chunk, index) => {
    const mail = readMessage(chunk.split('\n'), `${where}, message ${index + 1}`);
    return mail ? [mail] : [];
  });
  return { mails };
}
