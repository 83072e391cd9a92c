import type { Entry } from './stages.ts';

/** Which mail each mail of a source answers. */
export interface Thread {
  /** The mail that a mail answers, or the nearest one before it that the source has. */
  parentOf(entry: Entry): Entry | undefined;
  /** The cover letter that a patch belongs to by its place in the thread. */
  coverOf(entry: Entry): Entry | undefined;
  /** The nearest patch or cover letter that a mail answers, directly or through others; it may be the mail itself. */
  postedOf(entry: Entry): Entry | undefined;
}

/** Follows a chain of mails from `entry` to where `step` ends it. Each mail is looked at once over all calls, so that long chains cost linear time. */
function follower(step: (entry: Entry) => Entry | 'here' | 'nowhere'): (entry: Entry) => Entry | undefined {
  const results = new Map<Entry, Entry | undefined>();
  return (entry) => {
    const path: Entry[] = [];
    let result: Entry | undefined;
    const seen = new Set<Entry>();
    for (let at = entry; ; ) {
      if (results.has(at)) {
        result = results.get(at);
        break;
      }
      path.push(at);
      seen.add(at);
      const next = step(at);
      if (next === 'here') result = at;
      if (next === 'here' || next === 'nowhere' || seen.has(next)) break;
      at = next;
    }
    for (const passed of path) results.set(passed, result);
    return result;
  };
}

/** The threads of mails; `isPosted` says which of them are patches and cover letters. */
export function threadOf(entries: readonly Entry[], isPosted: (entry: Entry) => boolean): Thread {
  const byId = new Map<string, Entry>();
  for (const entry of entries) {
    const { messageId } = entry.mail;
    if (messageId && !byId.has(messageId)) byId.set(messageId, entry);
  }
  const parentOf = (entry: Entry) => {
    const { inReplyTo, references } = entry.mail;
    const direct = byId.get(inReplyTo ?? '');
    if (direct && direct !== entry) return direct;
    for (let at = references.length - 1; at >= 0; at--) {
      const ancestor = byId.get(references[at] ?? '');
      if (ancestor && ancestor !== entry) return ancestor;
    }
    return undefined;
  };
  const coverOf = follower((entry) => {
    if (entry.number === 0) return 'here';
    const parent = parentOf(entry);
    const { version, total } = entry.subject;
    if (!parent || parent.subject.reply) return 'nowhere';
    if (parent.subject.version !== version || parent.subject.total !== total) return 'nowhere';
    // A patch that answers the same one of an earlier posting starts another posting.
    return parent.number === entry.number ? 'nowhere' : parent;
  });
  const postedOf = follower((entry) => (isPosted(entry) ? 'here' : (parentOf(entry) ?? 'nowhere')));
  return { parentOf, coverOf, postedOf };
}

/** Whether two mails have the same sender. */
export function sameSender(a: Entry, b: Entry): boolean {
  const [from, other] = [a.mail.from, b.mail.from];
  if (from.email && other.email && from.email.toLowerCase() === other.email.toLowerCase()) return true;
  return from.name !== '' && from.name === other.name;
}

/** Whether two subjects mark their mails alike: `RFC`, `RESEND`. */
export const sameMarks = (a: Entry, b: Entry): boolean =>
  a.subject.rfc === b.subject.rfc && a.subject.resend === b.subject.resend;
