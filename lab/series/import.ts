import { basename } from 'node:path';
import { InputError } from '../core/errors.ts';
import { Resources } from '../core/resource.ts';
import type { StageContext } from '../model/event.ts';
import type { Note } from '../model/note.ts';
import { noteWords } from '../model/note-words.ts';
import type { Series } from '../model/series.ts';
import { assemble } from './assemble.ts';
import { readContent } from './content.ts';
import { readEntries } from './entries.ts';
import { adviceFor } from './explain.ts';
import type { SeriesInfo } from './info.ts';
import { firstProblems } from './limits.ts';
import { locate } from './locate.ts';
import { checkName, NAME } from './name.ts';
import { readPatches } from './patches.ts';
import { choosePosting } from './posting.ts';
import { queuePosting } from './queue.ts';
import { addReplies } from './replies.ts';

export interface ImportOptions {
  /** Version of the posting to take from a thread with several; default the newest. */
  version?: number | undefined;
  /** Name of the series; default that of its folder, if it has a series.yaml, else its title as a slug. */
  name?: string | undefined;
  /** Repository of a git range; default the current folder. */
  repo?: string | undefined;
  /** Refuse a series of which anything was left out, replaced or filled in: every note is a problem. */
  strict?: boolean | undefined;
}

/** A series, and its series.yaml if it has one. */
export interface LoadedSeries {
  series: Series;
  /** Absent for imported series, and folders without a series.yaml. */
  info?: SeriesInfo;
}

/** A note without the folder of its source: a record holds no path of the machine that made it. */
function portable(note: Note, source: string): Note {
  const shorten = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replaceAll(source, basename(source));
    if (Array.isArray(value)) return value.map(shorten);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shorten(inner)]));
  };
  return shorten(note) as Note;
}

/** As `importSeries`, with the series.yaml of a folder that has one. Throws as `importSeries`. */
export async function loadSeries(
  source: string,
  { version, name, repo = process.cwd() }: ImportOptions,
  ctx: StageContext,
): Promise<LoadedSeries> {
  ctx.signal.throwIfAborted();
  await using resources = new Resources();
  const notes: Note[] = [];
  const note = (each: Note) => {
    notes.push(each);
    ctx.emit({ type: 'note', note: each });
  };
  const place = await locate(source, { repo, version, resources, note, signal: ctx.signal });
  const content = await readContent(place, note, ctx.signal);
  const { origin } = content;
  const entries = readEntries(content.mails, place.queue !== undefined || content.mails.length === 1);
  const advice = adviceFor(entries, origin, source);
  const taking = { wanted: version, where: source };
  const posting = place.queue
    ? queuePosting(entries, { ...taking, ordered: place.queue === 'exact' }, note)
    : choosePosting(entries, { ...taking, apart: origin.kind === 'page' }, note);
  const posted = readPatches(posting, advice, source, note);
  const patches = addReplies(posted, entries, posting, source, note);
  const { info } = place;
  // The name of a folder need not be one of a series; its title then gives the name.
  const folder = NAME.test(origin.detail) ? origin.detail : undefined;
  const names = info ? { name: name ?? folder, title: info.title } : { name, title: content.title };
  const kept = notes.map((each) => portable(each, source));
  const series = assemble({ posting, patches, origin, notes: kept, ...names });
  return info ? { series, info } : { series };
}

/**
 * Reads a series from an mbox (plain or packed), a single patch, a folder of patches, a maildir, a git range `BASE..TIP` or a saved thread
 * page. The format of a file is recognised by its content. Throws one InputError with every problem.
 */
export async function importSeries(
  source: string,
  options: ImportOptions,
  ctx: StageContext,
): Promise<Series> {
  if (options.name !== undefined) checkName(options.name);
  const { series } = await loadSeries(source, options, ctx);
  if (options.strict) checkNotes(series, source);
  return series;
}

/** Throws InputError with a problem for every note of a series, and for patches that it lacks. */
function checkNotes({ notes = [], missing, announced }: Series, where: string): void {
  const problems = notes.map((note) => ({ what: noteWords(note), where }));
  if (missing.length > 0)
    problems.push({ what: `${missing.length} of ${announced} patches are missing`, where });
  if (problems.length > 0) throw new InputError(firstProblems(problems));
}
