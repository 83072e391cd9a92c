import t from 'tap';
import { verdictsOnBase } from './testing/base.ts';
import { noticed } from './testing/mutants.ts';
import { ringlab } from './testing/ringlab.ts';

/** The series sqe-group: what it promises to those who do not use it, and two of the faults that its suite must notice. */

const SERIES = ['--series', 'sqe-group'];

interface Compared {
  metrics: { name: string; base?: number; patched?: number }[];
}

t.test('requests that are in no group cost at most 0.5% more, those in links 2%', async (t) => {
  const only = ['nop depth 1', 'nop depth 32', 'read 4k depth 1 none', 'read 4k depth 32'];
  const where = ['--suite', 'bench', '--guest', 'plain', '--boots', '1'];
  const names = only.flatMap((name) => ['--only', name]);
  const { code, stdout, stderr } = await ringlab(['bench', ...SERIES, ...where, ...names, '--json']);
  t.ok(code === 0 || code === 1, stderr.slice(-2000));
  const { metrics } = JSON.parse(stdout) as Compared;
  const submissions = metrics.filter(({ name, base }) => name.endsWith('.submit') && base !== undefined);
  t.ok(submissions.length >= 7, `${submissions.length} figures`);
  for (const { name, base = 0, patched = Number.POSITIVE_INFINITY } of submissions) {
    // What assembles links assembles groups, too: nine instructions more.
    const most = name.includes('linked') ? 1.02 : 1.005;
    t.ok(patched <= base * most, `${name}: ${base} before, ${patched} now`);
  }
});

t.test('two planted faults are noticed', async (t) => {
  const where = [...SERIES, '--guest', 'plain', '--suite', 'sqe-group'];
  t.same(await noticed(where, ['leader-cqe-early', 'cancel-any']), [true, true]);
});

t.test('on the base all of the suite is skipped', async (t) => {
  t.same(await verdictsOnBase('sqe-group'), ['skip']);
});
