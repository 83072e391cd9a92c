import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { verdictsOnBase } from './testing/base.ts';
import { noticed } from './testing/mutants.ts';
import { ringlab } from './testing/ringlab.ts';

/** The series group-kbuf: what zero copy saves, and two of the faults that its suite must notice. */

const SERIES = ['--series', 'group-kbuf', '--guest', 'plain'];

t.test(
  'zero copy of ublk copies nothing, and costs less than user copy where there is much to copy',
  async (t) => {
    const only = ['ublk read 64k', 'ublk write 64k', 'order: ublk'].flatMap((name) => ['--only', name]);
    const { code, stdout, stderr } = await ringlab([
      ...['bench', ...SERIES, '--patched-only', '--boots', '1', '--json'],
      ...only,
    ]);
    t.equal(code, 0, stderr.slice(-2000));
    const [cell] = (JSON.parse(stdout) as RunRecord).cells;
    t.same(
      cell?.tests.map(({ verdict }) => verdict),
      Array(5).fill('pass'),
    );
  },
);

t.test(
  'two planted faults are noticed: one shows what was in the pages, one ends a request too early',
  async (t) => {
    const where = [...SERIES, '--suite', 'group-kbuf'];
    t.same(await noticed(where, ['tail', 'given-back-early']), [true, true]);
  },
);

t.test('on the base all of the suite is skipped', async (t) => {
  t.same(await verdictsOnBase('group-kbuf'), ['skip']);
});
