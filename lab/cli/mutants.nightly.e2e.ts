/** Mutants that suites must kill. In CI only those of the ublk suites run (group-kbuf, sqe-group). */
import t from 'tap';
import { noticed } from './testing/mutants.ts';
import { ringlab } from './testing/ringlab.ts';

t.test('the suite dma-premap kills the mutants last-entry and write-not-synced', async (t) => {
  const where = ['--series', 'dma-premap', '--guest', 'swiotlb', '--suite', 'dma-premap'];
  const killed = await noticed(where, ['last-entry', 'write-not-synced']);
  t.same(killed, [true, true], 'killed: last-entry, write-not-synced');
});

t.test('the suite multipath kills two mutants of its series', async (t) => {
  const where = ['--series', 'nvme-uring-cmd-multipath', '--guest', 'multipath', '--suite', 'multipath'];
  const { stdout } = await ringlab(['mutants', ...where, '--dry-run', '--json']);
  const { mutants } = JSON.parse(stdout) as { mutants: { name: string }[] };
  t.ok(mutants.length >= 4, `${mutants.length} mutants`);
  const chosen = mutants.slice(0, 2).map(({ name }) => name);
  t.same(await noticed(where, chosen), [true, true], `killed: ${chosen}`);
});
