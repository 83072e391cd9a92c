import type { Patch, Series } from '../../model/series.ts';
import { seriesId } from '../../series/assemble.ts';

/** A patch that sets line 2 of a file of three lines. */
export function patchOf(number: number, subject: string, file: string, line: string): Patch {
  const diff = [
    `diff --git a/${file} b/${file}`,
    `--- a/${file}`,
    `+++ b/${file}`,
    ...['@@ -1,3 +1,3 @@', ' one', '-two', `+${line}`, ' three', ''],
  ].join('\n');
  return {
    ...{ number, subject, author: { name: 'A', email: 'a@example.org' }, body: '', trailers: [] },
    ...{ files: [file], diff },
  };
}

/** A version of a series of these patches. */
export function seriesOf(version: number, patches: Patch[], more: Partial<Series> = {}): Series {
  return {
    ...{ id: seriesId(patches), name: 'x', title: 'io_uring: a feature', version },
    ...{ announced: patches.length, patches, missing: [], foreign: [] },
    origin: { kind: 'mbox', detail: `v${version}.mbox` },
    ...more,
  };
}
