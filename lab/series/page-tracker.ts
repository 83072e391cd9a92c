import type { Mail } from './stages.ts';

const MARK = 'diff mbox series';
const BYLINE =
  /^(.*?) ((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? \d{1,2}, \d{4}, .*? UTC)(?: \| #(\d+))?$/;

/** Whether a text is the page of a patch in Patchwork. */
function isTrackerPage(text: string): boolean {
  return /^Message ID\s/m.test(text) && /^Commit Message$/m.test(text);
}

/** `March 8, 2022, 3:21 p.m. UTC` -> ISO 8601; any other text unchanged. */
function isoDate(written: string): string {
  const [, day, hour = '0', minute = '00', half] =
    /^(\S+ \d+, \d{4}), (\d+)(?::(\d\d))? ([ap])\.m\. UTC$/.exec(written) ?? [];
  const base = day ? Date.parse(`${day.replace('.', '')} UTC`) : Number.NaN;
  if (Number.isNaN(base)) return written;
  const hours = (Number(hour) % 12) + (half === 'p' ? 12 : 0);
  return new Date(base + (hours * 60 + Number(minute)) * 60_000).toISOString();
}

/** A line with a name and a date, above the commit message or a comment. */
interface Byline {
  /** Index of the line. */
  at: number;
  name: string;
  date: string;
  comment: boolean;
}

function bylines(lines: readonly string[], from: number, to: number): Byline[] {
  return lines.slice(from, to).flatMap((line, index) => {
    const [, name, date, comment] = (line.length < 300 && BYLINE.exec(line)) || [];
    return name && date
      ? [{ at: from + index, name, date: isoDate(date), comment: comment !== undefined }]
      : [];
  });
}

/**
 * The patch of a Patchwork page, its comments as replies, and the title of its series where the page has one; undefined for any other
 * text.
 */
export function readTrackerPage(text: string, where: string): { mails: Mail[]; title?: string } | undefined {
  if (!isTrackerPage(text)) return undefined;
  const lines = text.split('\n');
  const row = (name: string) =>
    lines
      .find((line) => line.startsWith(name) && /^\s/.test(line.slice(name.length)))
      ?.slice(name.length)
      .trim();
  const subject = lines.slice(lines.indexOf(MARK) + 1).find((line) => line.trim() !== '') ?? '';
  const message = lines.indexOf('Commit Message');
  const patch = lines.lastIndexOf('Patch');
  const end = patch < 0 ? lines.length : patch;
  const signatures = bylines(lines, message, end);
  const [head] = signatures;
  const comments = signatures.filter(({ comment }) => comment);
  const firstComment = comments[0] ? lines.lastIndexOf('Comments', comments[0].at) : -1;
  const stop = firstComment > message ? firstComment : Math.max(message, lines.lastIndexOf(MARK, end));
  const [id] = /[^\s<>]+@[^\s<>]+/.exec((row('Message ID') ?? '').slice(0, 1000)) ?? [];
  const title = row('Series')?.split('|', 1)[0]?.trimEnd();
  const body = head && !head.comment ? lines.slice(head.at + 1, stop) : [];
  const diff = patch < 0 ? [] : lines.slice(patch + 1);
  const mail: Mail = {
    subject,
    from: { name: head?.name ?? '', email: '' },
    ...(head ? { date: head.date } : {}),
    ...(id ? { messageId: `<${id}>` } : {}),
    references: [],
    text: [...body, ...diff].join('\n'),
    where,
  };
  const replies = comments.map(({ at, name, date }, index): Mail => {
    const next = comments[index + 1]?.at ?? lines.lastIndexOf(MARK, end);
    return {
      subject: `Re: ${subject}`,
      from: { name, email: '' },
      date,
      ...(mail.messageId ? { inReplyTo: mail.messageId } : {}),
      references: [],
      text: lines.slice(at + 1, next < 0 ? end : next).join('\n'),
      where: `${where}, comment ${index + 1}`,
    };
  });
  return { mails: [mail, ...replies], ...(title ? { title } : {}) };
}
