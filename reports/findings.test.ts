/** What short reports say of a run. */
import t from 'tap';
import type { RunRecord } from '../lab/model/run.ts';
import { findingsOf, stateOf } from './findings.ts';
import * as sample from './golden/sample.ts';
import { render } from './index.ts';

const sound: RunRecord = {
  ...sample.record,
  kernels: sample.record.kernels.slice(0, 1),
  cells: sample.record.cells.slice(2, 3),
};

t.test('tests that a broken cell lost are no findings beside it', (t) => {
  const { record: run, comparison } = sample;
  const lost = findingsOf({ record: run, comparison }).filter(({ cell }) => cell === 'swiotlb/passthrough');
  t.same(
    lost.map(({ title }) => title),
    ['KASAN: slab-use-after-free in nvme_x', 'swiotlb/passthrough (patched): crash'],
  );
  t.end();
});

t.test('errors come first, and a warning fails nothing', (t) => {
  const { record: run, comparison } = sample;
  const levels = findingsOf({ record: run, comparison }).map(({ level }) => level);
  t.same(levels, levels.toSorted(), 'levels in order');
  t.ok(levels.includes('warning'), 'there is a warning');
  t.equal(stateOf([{ level: 'warning', title: 'x', message: 'y' }]), 'warn');
  t.equal(stateOf([]), 'pass');
  t.equal(render('github-annotations', { record: sound }), '');
  t.end();
});
