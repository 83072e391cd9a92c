import type { EventBody, EventOf } from '../model/event.ts';
import type { Note } from '../model/note.ts';
import { isFailure } from '../model/verdict.ts';

/** A posting of a thread: `v2 "title" (3 of 4)`. */
const posting = ({ version, title, patches, total }: Extract<Note, { code: 'series.postings' }>['taken']) =>
  `v${version} "${title}" (${patches} of ${total})`;

const stat = ({ files, added, removed }: Extract<Note, { code: 'series.diffstat' }>['found']) =>
  `${files} files, +${added} -${removed}`;

/** A note in words, without its subject. */
function noteWords(note: Note): string {
  switch (note.code) {
    case 'series.postings':
      return `took ${posting(note.taken)}, left ${note.left.map(posting).join(', ')}`;
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
    case 'sandbox.off':
      return 'code of kernels and image recipes runs with all your rights (--unsafe-no-sandbox)';
    case 'mutants.excluded':
      return `excluded, it is ${note.verdict} without a mutant: ${note.test}`;
  }
}

/** Most characters of a reason in the line of a cell: a difference of two lists can be long. */
const REASON = 120;

const shorten = (text: string) => (text.length > REASON ? `${text.slice(0, REASON)}...` : text);

/** A test in one line: `name: reason`. */
const testWords = (name: string, reason = '') => (reason === '' ? name : `${name}: ${reason}`);

/** `ok: 4 passed, 0 failed`, or `fail: 3 passed, 1 failed (its name: its reason)`. */
export function cellWords({ verdict, result }: EventOf<'cell.end'>): string {
  const count = (...verdicts: string[]) =>
    result.tests.filter((test) => verdicts.includes(test.verdict)).length;
  const [failure, ...others] = result.tests.filter((test) => isFailure(test.verdict));
  const failed = failure ? 1 + others.length : 0;
  const skipped = count('skip');
  const parts = [
    `${count('pass')} passed`,
    `${failed} failed`,
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(count('todo') > 0 ? [`${count('todo')} todo`] : []),
  ];
  const outcome = verdict === 'done' ? (failed > 0 ? 'fail' : 'ok') : verdict;
  const first =
    failure &&
    `${others.length > 0 ? 'first ' : ''}${testWords(failure.name, shorten(failure.reason ?? ''))}`;
  const reason = verdict === 'done' ? first : result.reason;
  return `${outcome}: ${parts.join(', ')}${reason ? ` (${reason})` : ''}`;
}

/** A mutant as the cells of a table row: outcome, name, and what killed it or what it plants. */
export function mutantWords(mutant: Omit<EventOf<'mutant.end'>, 'type'>): string[] {
  const { mutant: name, fault, killed, killedBy, broken } = mutant;
  if (broken) return ['BROKEN', name, `${fault} (${broken})`];
  return [killed ? 'killed' : 'SURVIVED', name, killed ? `by ${killedBy}` : fault];
}

/** Where an event belongs on screen: `kernel debian-6.12`. */
export function subjectWords(event: EventBody): string {
  switch (event.type) {
    case 'source.start':
    case 'source.progress':
    case 'source.end':
      return `source ${event.source}`;
    case 'series.progress':
      return `source ${event.base}+${event.series}`;
    case 'kernel.start':
    case 'kernel.progress':
    case 'kernel.output':
    case 'kernel.end':
      return `kernel ${event.kernel}`;
    case 'image.start':
    case 'image.end':
      return `image ${event.recipe}`;
    case 'guest.start':
    case 'guest.ready':
      return `guest ${event.guest}`;
    case 'lock.wait':
      return `${event.for} ${event.subject}`;
    case 'cell.start':
    case 'cell.end':
    case 'test.end':
      return `cell ${event.cell}`;
    case 'kernel.ready':
      return `kernel ${event.kernel.name}`;
    case 'note':
      return `${event.note.code.slice(0, event.note.code.indexOf('.'))} ${event.note.subject}`;
    default:
      return event.type.slice(0, event.type.indexOf('.'));
  }
}

/** How far a piece of work is. */
export interface Progress {
  done: number;
  total?: number | undefined;
  text: string;
}

/** What an event says of progress; undefined for other events. */
export function progressOf(event: EventBody): Progress | undefined {
  if (event.type === 'source.progress') {
    const text = event.action === 'unpack' ? 'files unpacked' : 'files stored';
    return { done: event.done, total: event.total, text };
  }
  if (event.type === 'series.progress') return { done: event.done, total: event.total, text: event.patch };
  if (event.type === 'kernel.progress') return { done: event.done, total: event.total, text: event.target };
  return event.type === 'cells.progress' ? { done: event.done, total: event.total, text: '' } : undefined;
}

/** Whether an event begins a piece of work, whose end is an event of the same subject. */
export const isStart = ({ type }: EventBody): boolean =>
  ['source.start', 'kernel.start', 'image.start', 'guest.start', 'cell.start'].includes(type);

/** How a piece of work ended; undefined for other events. */
export function endWords(event: EventBody): string | undefined {
  switch (event.type) {
    case 'source.end':
      return event.files === undefined ? 'done' : `${event.files} files`;
    case 'kernel.end':
      return event.outcome === 'built' ? `built in ${event.seconds} s` : event.outcome;
    case 'image.end':
      return event.key;
    case 'guest.ready':
      return `ready in ${event.ms} ms`;
    case 'cell.end':
      return cellWords(event);
    default:
      return undefined;
  }
}

/** An event that is always printed as a line. */
export function lineWords(event: EventBody): string | undefined {
  switch (event.type) {
    case 'lock.wait':
      return 'waits for another ringlab that makes it';
    case 'mutant.end':
      return mutantWords(event).join(' ');
    case 'record.written':
      return event.dir;
    case 'note':
      return event.note.code === 'apply.offset' ? undefined : noteWords(event.note);
    default:
      return undefined;
  }
}

/** An event that is printed as a line on request. */
export function detailWords(event: EventBody): string | undefined {
  switch (event.type) {
    case 'kernel.output':
      return event.line;
    case 'session.ready':
      return `${event.accel.kind}: ${event.accel.reason}`;
    case 'test.end':
      return `${event.test.verdict} ${testWords(event.test.name, event.test.reason)}`;
    case 'note':
      return event.note.code === 'apply.offset' ? noteWords(event.note) : undefined;
    default:
      return undefined;
  }
}
