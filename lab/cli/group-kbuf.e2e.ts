import t from 'tap';
import { noticed } from './testing/mutants.ts';

/** The series group-kbuf: two of the faults that its suite must notice, one of which shows what was in the pages before. */

t.test('two planted faults are noticed', async (t) => {
  const where = ['--series', 'group-kbuf', '--guest', 'plain', '--suite', 'group-kbuf'];
  t.same(await noticed(where, ['tail', 'given-back-early']), [true, true]);
});
