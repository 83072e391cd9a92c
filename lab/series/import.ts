import { Resources } from '../core/resource.ts';
import type { StageContext } from '../model/event.ts';
import type { Series } from '../model/series.ts';
import { assemble } from './assemble.ts';
import { readContent } from './content.ts';
import { readEntries } from './entries.ts';
import { adviceFor } from './explain.ts';
import type { SeriesInfo } from './info.ts';
import { locate } from './locate.ts';
import { checkName, NAME } from './name.ts';
import { readPatches } from './patches.ts';
import { choosePosting } from './posting.ts';
import { addReplies } from './replies.ts';

export interface ImportOptions {
  /** Version of the posting to take from a thread with several; default the newest. */
  version?: number;
  /** Name of the series; default that of its folder, if it has a series.yaml, else its title as a slug. */
  name?: string;
  /** Repository of a git range; default the current folder. */
  repo?: string;
}

/** A series, and its series.yaml if it has one. */
export interface LoadedSeries {
  series: Series;
  /** Absent for imported series, and folders without a series.yaml. */
  info?: SeriesInfo;
}

/** As `importSeries`, with the series.yaml of a folder that has one. Throws as `importSeries`. */
export async function loadSeries(
  source: string,
  { version, name, repo = process.cwd() }: ImportOptions,
  ctx: StageContext,
): Promise<LoadedSeries> {
  ctx.signal.throwIfAborted();
  await using resources = new Resources();
  const place = await locate(source, repo, resources, ctx);
  const content = await readContent(place, ctx);
  const { origin } = content;
  const entries = readEntries(content.mails, place.fileNames);
  const advice = adviceFor(entries, origin, source);
  const posting = choosePosting(entries, version, source, ctx);
  const { patches: posted, baseCommit } = readPatches(posting, advice, source, ctx);
  const patches = addReplies(posted, entries, posting, source, ctx);
  const { info } = place;
  // The name of a folder need not be one of a series; its title then gives the name.
  const folder = NAME.test(origin.detail) ? origin.detail : undefined;
  const names = info ? { name: name ?? folder, title: info.title } : { name, title: content.title };
  const series = assemble({ posting, patches, baseCommit, origin, ...names });
  return info ? { series, info } : { series };
}

/**
 * Reads a series from an mbox (plain or gzip), a single patch, a folder of patches, a git range `BASE..TIP` or a saved thread
 * page. The format of a file is recognised by its content. Throws one InputError with every problem.
 */
export async function importSeries(
  source: string,
  options: ImportOptions,
  ctx: StageContext,
): Promise<Series> {
  if (options.name !== undefined) checkName(options.name);
  return (await loadSeries(source, options, ctx)).series;
}
