/** What a record keeps of a series that was imported from mail. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SeriesRecord } from '../model/run.ts';
import { importSeries } from '../series/index.ts';
import { seriesRecord } from './series-record.ts';

const DIFF = ['diff --git a/a.c b/a.c', '--- a/a.c', '+++ b/a.c', '@@ -1 +1 @@', '-a', '+b', ''].join('\n');
const mail = (id: string, subject: string, body: string) =>
  [
    'From mboxrd@z Thu Jan  1 00:00:00 1970',
    `Message-ID: <${id}@x>`,
    ...(id === 'cover' ? [] : ['In-Reply-To: <cover@x>']),
    'From: Ada <ada@x.org>',
    `Subject: ${subject}`,
    '',
    body,
    '',
    '',
  ].join('\n');

t.test('a record has message ids, author and hash of the diff of each posted patch', async (t) => {
  const dir = t.testdir({});
  const file = join(dir, 't.mbox');
  const cover = mail('cover', '[PATCH v2 0/1] lamps', 'Lamps.');
  writeFileSync(file, `${cover}${mail('one', '[PATCH v2 1/1] lamp: light it', `Why.\n\n---\n${DIFF}`)}`);
  const ctx = { signal: new AbortController().signal, emit: () => {} };
  const series = await importSeries(file, {}, ctx);
  const kept = seriesRecord(series);
  t.same(SeriesRecord.parse(kept), kept);
  t.ok(series.patches[0]?.diff.startsWith(DIFF), 'diff of the patch');
  t.match(kept, { title: 'lamps', version: 2, messageId: '<cover@x>', patches: ['lamp: light it'] });
  const sha256 = createHash('sha256')
    .update(series.patches[0]?.diff ?? '')
    .digest('hex');
  t.same(kept.posted, [{ messageId: '<one@x>', author: { name: 'Ada', email: 'ada@x.org' }, sha256 }]);
});
