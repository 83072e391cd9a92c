import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { verdictsOnBase } from './testing/base.ts';
import { noticed } from './testing/mutants.ts';
import { ringlab } from './testing/ringlab.ts';

/** The series group-kbuf: the gain of zero copy, two mutants that its suite must kill, and skips on the base. */

const SERIES = ['--series', 'group-kbuf', '--guest', 'plain'];

t.test(
  'the bench tests of ublk zero copy pass: no byte copied, fewer instructions than user copy',
  async (t) => {
    const only = ['ublk read 64k', 'ublk write 64k', 'order: ublk'].flatMap((name) => ['--only', name]);
    const { code, stdout, stderr } = await ringlab([
      ...['bench', ...SERIES, '--patched-only', '--boots', '1', '--json'],
      ...only,
    ]);
    t.equal(code, 0, `exit code of ringlab bench; standard error: ${stderr.slice(-2000)}`);
    const [cell] = (JSON.parse(stdout) as RunRecord).cells;
    t.same(
      cell?.tests.map(({ verdict }) => verdict),
      Array(5).fill('pass'),
      'verdicts of the bench tests',
    );
  },
);

t.test(
  'the suite kills a mutant that exposes stale pages and one that ends a request too early',
  async (t) => {
    const where = [...SERIES, '--suite', 'group-kbuf'];
    const killed = await noticed(where, ['tail', 'given-back-early']);
    t.same(killed, [true, true], 'killed: tail, given-back-early');
  },
);

t.test('every test of the suite is skipped on the base', async (t) => {
  t.same(await verdictsOnBase('group-kbuf'), ['skip'], 'distinct verdicts on the base');
});
