import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openHistory } from '../history/open.ts';
import { storePlace } from '../history/place.ts';
import { idOf, writeRun } from '../history/testing/runs.ts';
import type { EventBody } from '../model/event.ts';
import { keepRun } from './keep.ts';

/** Collects the events of `keepRun`. */
function collector() {
  const events: EventBody[] = [];
  return { events, ctx: { emit: (event: EventBody) => void events.push(event) } };
}

t.test('a run that has ended is in the history, without a note', async (t) => {
  const dir = t.testdir();
  const folder = await writeRun(dir, 3, { base: { a: 'pass' } });
  const store = storePlace(join(dir, 'state/history.db'));
  const { events, ctx } = collector();
  await keepRun(folder, undefined, store, ctx);
  t.same(events, [], 'events');
  await using history = await openHistory(store);
  t.match(await history.db.selectFrom('runs').selectAll().execute(), [
    { id: idOf(3), folder, state: 'ended' },
  ]);
});

t.test(
  'a history that cannot be written is a note, with its place and how to fix it, and no error',
  async (t) => {
    const dir = t.testdir();
    const folder = await writeRun(dir, 1, { base: { a: 'pass' } });
    writeFileSync(join(dir, 'history.db'), 'no database '.repeat(100));
    mkdirSync(join(dir, 'folder'));
    for (const place of ['history.db', 'folder', 'history.db/below']) {
      const { events, ctx } = collector();
      const store = storePlace(join(dir, place));
      await keepRun(folder, undefined, store, ctx);
      t.match(events, [
        {
          type: 'note',
          note: {
            code: 'history.failed',
            subject: join(dir, place),
            message: /cannot be opened[\s\S]*fix: /,
          },
        },
      ]);
    }
  },
);

t.test('without a store no history is made', async (t) => {
  const dir = t.testdir();
  const { events, ctx } = collector();
  await keepRun(await writeRun(dir, 1, { base: { a: 'pass' } }), undefined, undefined, ctx);
  t.same(events, [], 'events');
  t.notOk(existsSync(join(dir, 'history.db')));
});
