import { InputError, type Problem } from '../core/errors.ts';
import { findDiff } from './diff-start.ts';
import { fetchHint } from './fetch-hint.ts';
import { scanDiff } from './hunks.ts';
import type { Content, Entry } from './stages.ts';

const QUOTED = /^((?:[>|] ?)+)diff --git /m;

/** How a reply has damaged the diff that it quotes: lines of comments inside it, and the first flaw of what remains. */
function quoteDamage(text: string): { comments: number; broken?: string } {
  const [, prefix = '>'] = QUOTED.exec(text) ?? [];
  const lines = text.split('\n').slice(text.slice(0, text.search(QUOTED)).split('\n').length - 1);
  const mark = prefix.trimEnd();
  const quoted = lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(prefix.length));
  const comments = lines.filter((line) => !line.startsWith(mark) && line.trim() !== '').length;
  const [flaw] = scanDiff(quoted, findDiff(quoted) ?? 0).flaws;
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
function noPatchProblem(entries: readonly Entry[], where: string): Problem {
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

/**
 * What the user can do about a patch that is unusable. Throws InputError when no message is a patch, with what the messages are
 * instead; `where` is the path or range that the user named.
 */
export function adviceFor(entries: readonly Entry[], origin: Content['origin'], where: string): string {
  if (
    !entries.some(
      ({ diffStart, subject, number }) => diffStart !== undefined && !subject.reply && number !== 0,
    )
  ) {
    throw new InputError(noPatchProblem(entries, where));
  }
  if (origin.kind === 'folder') return 'create it again with git format-patch';
  if (origin.kind !== 'page') return 'fetch or create it again';
  const first = entries.find(({ number }) => number === 0) ?? entries[0];
  return fetchHint(first?.subject.title ?? '', first?.mail.messageId);
}
