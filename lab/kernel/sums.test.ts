import { join } from 'node:path';
import t from 'tap';
import { listFiles } from './collect.ts';
import { sumsOf } from './sums.ts';

t.test('the sums of a folder are hashed until the signal fires', async (t) => {
  const dir = t.testdir({ a: 'one\n', b: { c: 'two\n' } });
  const { signal } = new AbortController();
  t.same(Object.keys(await sumsOf(dir, signal)), ['a', 'b/c']);
  const stopped = AbortSignal.abort(new Error('no more hashes'));
  await t.rejects(sumsOf(dir, stopped), { message: 'no more hashes' });
});

t.test('files of a folder are listed up to a size of each and of all', async (t) => {
  const dir = t.testdir({ a: '12345', b: { c: '1234567' } });
  t.same(await listFiles(dir, { maxFileBytes: 7, maxBytes: 12 }), ['a', 'b/c']);
  await t.rejects(listFiles(dir, { maxFileBytes: 6 }), {
    message: `too large a file (7 bytes) at ${join('b', 'c')}`,
  });
  await t.rejects(listFiles(dir, { maxBytes: 11 }), { message: 'files with more than 11 bytes' });
});
