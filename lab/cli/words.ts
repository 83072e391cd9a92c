import { confirmWords } from '../model/confirm.ts';
import type { EventBody, EventOf } from '../model/event.ts';
import { noteWords } from '../model/note-words.ts';
import { shorten, testWords } from './cell-words.ts';

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
    case 'confirm.start':
    case 'confirm.end':
      return 'reruns';
    case 'kernel.ready':
      return `kernel ${event.kernel.name}`;
    case 'note':
      return `${event.note.code.slice(0, event.note.code.indexOf('.'))} ${event.note.subject}`;
    default:
      return event.type.slice(0, event.type.indexOf('.'));
  }
}

/** How far a piece of work is: `done` of `total` `unit`s, and what is worked on or done with them. */
export interface Progress {
  done: number;
  total?: number | undefined;
  unit: string;
  text: string;
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6);

function sourceProgress({ action, done, total }: EventOf<'source.progress'>): Progress {
  if (action !== 'download')
    return { done, total, unit: 'files', text: action === 'unpack' ? 'unpacked' : 'stored' };
  return { done: megabytes(done), total: total && megabytes(total), unit: 'MB', text: 'downloaded' };
}

/** What an event says of progress; undefined for other events. */
export function progressOf(event: EventBody): Progress | undefined {
  switch (event.type) {
    case 'source.progress':
      return sourceProgress(event);
    case 'series.progress':
      return { done: event.done, total: event.total, unit: 'patches', text: event.patch };
    case 'kernel.progress':
      return { done: event.done, total: event.total, unit: 'targets', text: event.target };
    case 'confirm.start':
      return { done: 0, total: event.tests, unit: 'tests', text: '' };
    case 'confirm.end': {
      const { done, total, confirmation } = event;
      return { done, total, unit: 'tests', text: confirmation.test };
    }
    default:
      return undefined;
  }
}

/** How a piece of work other than a cell ended; undefined for other events. */
export function endWords(event: EventBody): string | undefined {
  switch (event.type) {
    case 'source.end':
      return event.files === undefined ? 'ready' : `ready, ${event.files} files`;
    case 'kernel.end':
      return event.outcome === 'failed' ? 'FAILED to build' : event.outcome;
    case 'image.end':
      return `ready, ${event.key}`;
    case 'guest.ready':
      return 'ready';
    default:
      return undefined;
  }
}

/** What a kernel that could not be made is called, with the first line of the reason. */
function kernelFailure({ kernel: { failure } }: EventOf<'kernel.ready'>): string | undefined {
  return failure && `${failure.verdict.toUpperCase()} (${shorten(failure.message)})`;
}

/** An event that is always printed as a line. */
export function lineWords(event: EventBody): string | undefined {
  switch (event.type) {
    case 'lock.wait':
      return 'waits for another ringlab that makes it';
    case 'kernel.ready':
      return kernelFailure(event);
    case 'mutant.end':
      return mutantWords(event).join(' ');
    case 'confirm.end':
      return `${shorten(event.confirmation.test)}: ${confirmWords(event.confirmation)}`;
    case 'record.written':
      return event.dir;
    case 'note':
      return event.note.code === 'apply.offset' ? undefined : noteWords(event.note);
    default:
      return undefined;
  }
}

/** What is begun, as a line of a log; undefined for other events. */
export function startWords(event: EventBody): string | undefined {
  switch (event.type) {
    case 'source.start':
      return `begins to ${event.action} ${event.from}`;
    case 'kernel.start':
      return `build begins, ${event.compiler}`;
    case 'image.start':
      return `begins, ${event.packages} packages`;
    case 'guest.start':
    case 'cell.start':
      return 'begins';
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
