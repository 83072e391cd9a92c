import { sha256Of } from '../core/hash.ts';
import type { SeriesRecord } from '../model/run.ts';
import type { Series } from '../model/series.ts';

/** What a record says of its series: enough to find the run of a mail, and to answer it. */
export function seriesRecord({ id, name, title, version, messageId, patches, notes }: Series): SeriesRecord {
  return {
    ...{ id, name, title, version },
    patches: patches.map(({ subject }) => subject),
    ...(messageId === undefined ? {} : { messageId }),
    ...(notes?.length ? { notes } : {}),
    posted: patches.map(({ messageId: ofPatch, author, diff }) => ({
      ...(ofPatch === undefined ? {} : { messageId: ofPatch }),
      author,
      sha256: sha256Of(diff),
    })),
  };
}
