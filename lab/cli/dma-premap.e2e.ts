import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { noticed } from './testing/mutants.ts';
import { ringlab } from './testing/ringlab.ts';

/** The series dma-premap: what it promises of its cost, and two of the faults that its suite must notice. */

const SERIES = ['--series', 'dma-premap'];

t.test(
  'a mapped buffer costs less than a registered one, that less than any other, at every size',
  async (t) => {
    const only = ['read 4k depth', 'read 64k depth', 'mapped buffer'].flatMap((name) => ['--only', name]);
    const where = ['--patched-only', '--boots', '1', '--guest', 'iommu-strict'];
    const { code, stdout, stderr } = await ringlab(['bench', ...SERIES, ...where, ...only, '--json']);
    t.equal(code, 0, stderr.slice(-2000));
    const [cell] = (JSON.parse(stdout) as RunRecord).cells;
    const orders = cell?.tests.filter(({ name }) => name.includes('order: '));
    t.same(
      orders?.map(({ verdict }) => verdict),
      ['pass', 'pass'],
    );
  },
);

t.test('two planted faults are noticed', async (t) => {
  const where = [...SERIES, '--guest', 'swiotlb', '--suite', 'dma-premap'];
  t.same(await noticed(where, ['last-entry', 'write-not-synced']), [true, true]);
});
