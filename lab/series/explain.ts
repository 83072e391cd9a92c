import type { Problem } from '../core/errors.ts';
import { scanDiff } from './hunks.ts';
import { findDiff } from './patch-text.ts';
import type { Entry } from './thread.ts';

const QUOTED = /^((?:[>|] ?)+)diff --git /m;

/** How to get the real thing, by the title of what was wanted. */
export function fetchHint(title: string, messageId?: string): string {
  const id = messageId?.replace(/[<>]/g, '');
  const find = `https://lore.kernel.org/all/?q=${encodeURIComponent(`s:"${title}"`)}`;
  const from = id
    ? `https://lore.kernel.org/all/${id}/t.mbox.gz`
    : `t.mbox.gz of the thread in the list archive (find it: ${find})`;
  return `fetch ${from}, or run: b4 am ${id ?? 'MESSAGE-ID'}`;
}

/** What became of a diff that is quoted in a reply: how many lines of talk are in it, and the first place where it is broken. */
function damage(text: string): { comments: number; broken?: string } {
  const [, prefix = '>'] = QUOTED.exec(text) ?? [];
  const lines = text.split('\n').slice(text.slice(0, text.search(QUOTED)).split('\n').length - 1);
  const mark = prefix.trimEnd();
  const quoted = lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(prefix.length));
  const comments = lines.filter((line) => !line.startsWith(mark) && line.trim() !== '').length;
  const [flaw] = scanDiff(quoted, Math.max(0, findDiff(quoted))).flaws;
  return { comments, ...(flaw ? { broken: flaw.what } : {}) };
}

function aboutQuote({ mail, subject }: Entry): Problem {
  const { comments, broken } = damage(mail.text);
  const signs = [
    ...(comments > 0 ? [`${comments} lines of comments stand inside it`] : []),
    ...(broken ? [`lines of it are lost (${broken})`] : []),
  ];
  return {
    what: `only a reply of ${mail.from.name} that quotes the patch "${subject.title}"; the patch itself is not here${signs.length > 0 ? `: ${signs.join(', and ')}` : ''}`,
    where: mail.where,
    expected: 'the patch as it was posted',
    fix: fetchHint(subject.title, mail.inReplyTo),
  };
}

/** Why no patch can be taken from these messages: nothing there, a cover letter only, or quoted in a reply only. */
export function explainNone(entries: readonly Entry[], where: string): Problem {
  const quote = entries.find(({ mail }) => QUOTED.test(mail.text));
  if (quote) return aboutQuote(quote);
  const cover = entries.find(({ subject }) => subject.number === 0 && !subject.reply);
  const first = cover ?? entries[0];
  const title = first?.subject.title ?? 'TITLE';
  const who = first ? ` ("${first.mail.subject}" by ${first.mail.from.name})` : '';
  const what = cover
    ? `no patch in it: only the cover letter of ${cover.subject.total} patches${who}`
    : `no patch in it: ${entries.length === 1 ? 'one message' : `${entries.length} messages`} without a diff${who}`;
  return { what, where, expected: 'at least one patch', fix: fetchHint(title, first?.mail.inReplyTo) };
}
