import type { Note } from './note.ts';

/** A posting of a thread: `v2 "title" (3 of 4)`. */
const posting = ({ version, title, patches, total }: Extract<Note, { code: 'series.postings' }>['taken']) =>
  `v${version} "${title}" (${patches} of ${total})`;

const stat = ({ files, added, removed }: Extract<Note, { code: 'series.diffstat' }>['found']) =>
  `${files} files, +${added} -${removed}`;

/** Why a mail is no part of the series. */
const LEFT = {
  reply: 'a diff in a reply',
  cover: 'a diff in a cover letter',
  unmarked: 'its subject announces no patch',
  'no-diff': 'without a diff',
};

/** A note in words, without its subject. */
export function noteWords(note: Note): string {
  switch (note.code) {
    case 'series.postings':
      return `took ${posting(note.taken)}, left ${note.left.map(posting).join(', ')}${note.more ? ` and ${note.more} more` : ''}`;
    case 'series.joined':
      return `took all ${note.patches} patches of ${note.postings} postings in their order, as git am does`;
    case 'series.reroll':
      return `only some patches were sent anew as v${note.version}: ${note.kept.join(', ')} of v${note.earlier}`;
    case 'series.versions':
      return `took the files of v${note.taken}, left ${note.left} of other versions`;
    case 'series.unlisted':
      return `does not list ${note.count} patch files, which are left: ${note.files.join(', ')}`;
    case 'series.left':
      return `left ${note.count} mails: ${note.mails.map(({ title, reason }) => `"${title}" (${LEFT[reason]})`).join(', ')}`;
    case 'series.preamble':
      return `${note.lines} lines before the first message are left`;
    case 'series.ignored':
      return `patch ${note.patch}: ${note.lines} lines inside the diff are no part of it: "${note.first}"`;
    case 'series.charset':
      return `patch ${note.patch}: its diff was converted from ${note.charset} to UTF-8`;
    case 'series.attachment':
      return `patch ${note.patch}: left an attachment, ${note.type}${note.name ? ` "${note.name}"` : ''}`;
    case 'series.repeated':
      return `patch ${note.patch} is there more than once: the last one is taken (${note.where})`;
    case 'series.diffstat':
      return `patch ${note.patch}: its diffstat says ${stat(note.announced)}, but the diff has ${stat(note.found)}`;
    case 'series.blanks':
      return `patch ${note.patch}: ${note.lines} empty context lines lost their leading blank`;
    case 'series.trailer':
      return `not taken, it names another person than the sender: ${note.line}`;
    case 'series.bare':
      return 'a bare diff: no author, no message';
    case 'series.merges':
      return `${note.count} merge commits are left out`;
    case 'series.unreadable':
      return note.message;
    case 'apply.offset':
      return `patch ${note.patch}: hunk ${note.hunk} went to line ${note.line}, ${note.by} lines off${note.more ? `, and ${note.more} more hunks were moved` : ''}`;
    case 'apply.foreign':
      return `patch ${note.patch} "${note.title}" is not applied: ${note.reason}`;
    case 'apply.missing':
      return `patch ${note.patches.join(', ')} of ${note.announced} is missing: applying the rest`;
    case 'source.uncommitted':
      return 'has changes that are not committed: they are not in this source';
    case 'cache.damaged':
      return `damaged, it is made again: ${note.damage}`;
    case 'image.snapshot':
      return `no snapshot ${note.target}, guests start a little later: ${note.reason}`;
    case 'guest.fork-failed':
      return `guests like ${note.subject} boot instead of being forked: ${note.reason}`;
    case 'guest.modules':
      return `its modules have ${note.megabytes} MB: guests do not get them, build in what they need`;
    case 'sandbox.off':
      return 'code of kernels and image recipes runs with all your rights (--unsafe-no-sandbox)';
    case 'history.failed':
      return `the run is not in the history: ${note.message}`;
    case 'mutants.excluded':
      return `excluded, it is ${note.verdict} without a mutant: ${note.test}`;
  }
}
