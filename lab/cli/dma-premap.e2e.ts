import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

/** The series dma-premap: the cost that it promises. */

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
