import type { Problem } from '../core/errors.ts';
import { scanDiff } from './hunks.ts';
import { findDiff } from './patch-text.ts';
import type { Entry } from './thread.ts';

const QUOTED = /^((?:[>|] ?)+)diff --git /m;

/** How to fetch the posted patches: by message id, else by searching the list archive for the title. */
export function fetchHint(title: string, messageId?: string): string {
  const id = messageId?.replace(/[<>]/g, '');
  const search = `https://lore.kernel.org/all/?q=${encodeURIComponent(`s:"${title}"`)}`;
  const from = id
    ? `https://lore.kernel.org/all/${id}/t.mbox.gz`
    : `t.mbox.gz of the thread in the list archive (find it: ${search})`;
  return `fetch ${from}, or run: b4 am ${id ?? 'MESSAGE-ID'}`;
}

/** How a reply has damaged the diff that it quotes: lines of comments inside it, and the first flaw of what remains. */
function quoteDamage(text: string): { comments: number; broken?: string } {
  const [, prefix = '>'] = QUOTED.exec(text) ?? [];
  const lines = text.split('\n').slice(text.slice(0, text.search(QUOTED)).split('\n').length - 1);
  const mark = prefix.trimEnd();
  const quoted = lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(prefix.length));
  const comments = lines.filter((line) => !line.startsWith(mark) && line.trim() !== '').length;
  const [flaw] = scanDiff(quoted, Math.max(0, findDiff(quoted))).flaws;
  return { comments, ...(flaw ? { broken: flaw.what } : {}) };
}

function quotedPatchProblem({ mail, subject }: Entry): Problem {
  const { comments, broken } = quoteDamage(mail.text);
  const damage = [
    ...(comments > 0 ? [`it is interrupted by ${comments} lines of comments`] : []),
    ...(broken ? [`lines are missing (${broken})`] : []),
  ];
  return {
    what: `a reply by ${mail.from.name} quotes the patch "${subject.title}", but the patch itself is not here${damage.length > 0 ? `: ${damage.join(', and ')}` : ''}`,
    where: mail.where,
    expected: 'the patch as it was posted',
    fix: fetchHint(subject.title, mail.inReplyTo),
  };
}

/** The problem of messages without a patch: none has a diff, only a cover letter, or only a diff quoted in a reply. */
export function noPatchProblem(entries: readonly Entry[], where: string): Problem {
  const quote = entries.find(({ mail }) => QUOTED.test(mail.text));
  if (quote) return quotedPatchProblem(quote);
  const cover = entries.find(({ subject }) => subject.number === 0 && !subject.reply);
  const first = cover ?? entries[0];
  const title = first?.subject.title ?? 'TITLE';
  const message = first ? ` ("${first.mail.subject}" by ${first.mail.from.name})` : '';
  const what = cover
    ? `no patch in it: only the cover letter of ${cover.subject.total} patches${message}`
    : `no patch in it: ${entries.length === 1 ? 'one message' : `${entries.length} messages`} without a diff${message}`;
  return { what, where, expected: 'at least one patch', fix: fetchHint(title, first?.mail.inReplyTo) };
}
