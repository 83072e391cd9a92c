import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { noticed } from './testing/mutants.ts';
import { ringlab } from './testing/ringlab.ts';

/** The series dma-premap: the cost that it promises, and two mutants that its suite must kill. */

const SERIES = ['--series', 'dma-premap'];

t.test('the bench tests of mapped buffers pass: cheaper than registered buffers at every size', async (t) => {
  const only = ['read 4k depth', 'read 64k depth', 'mapped buffer'].flatMap((name) => ['--only', name]);
  const where = ['--patched-only', '--boots', '1', '--guest', 'iommu-strict'];
  const { code, stdout, stderr } = await ringlab(['bench', ...SERIES, ...where, ...only, '--json']);
  t.equal(code, 0, `exit code of ringlab bench; standard error: ${stderr.slice(-2000)}`);
  const [cell] = (JSON.parse(stdout) as RunRecord).cells;
  const orders = cell?.tests.filter(({ name }) => name.includes('order: '));
  t.same(
    orders?.map(({ verdict }) => verdict),
    ['pass', 'pass'],
    'verdicts of the order tests',
  );
});

t.test('the suite kills the mutants last-entry and write-not-synced', async (t) => {
  const where = [...SERIES, '--guest', 'swiotlb', '--suite', 'dma-premap'];
  const killed = await noticed(where, ['last-entry', 'write-not-synced']);
  t.same(killed, [true, true], 'killed: last-entry, write-not-synced');
});
