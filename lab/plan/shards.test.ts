import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import { shardSpecs } from './shards.ts';

const spec = (kernel: string, kind: 'agent' | 'programs', only: string[] = []) =>
  ({
    kernel: { id: kernel },
    suite: { name: 'many' },
    payload: { kind, key: '' },
    only,
  }) as unknown as CellSpec;
const names = Array.from({ length: 50 }, (_, index) => `t${index}`);
const tests = new Map([['many', names]]);

t.test('the programs of a single cell are shared over the guests that may run, each n-th to one', (t) => {
  const shards = shardSpecs([spec('k', 'programs')], 2, tests);
  t.match(
    shards.map(({ shard, tests = [] }) => [shard, tests.length, tests[1]]),
    [
      [1, 25, 't2'],
      [2, 25, 't3'],
    ],
  );
  t.same(new Set(shards.flatMap((shard) => shard.tests)), new Set(names), 'tests of all shards');
  t.end();
});

t.test('cells stay whole where others use the guests, for few tests, and where an agent runs them', (t) => {
  const both = [spec('base', 'programs'), spec('patched', 'programs')];
  t.same(shardSpecs(both, 2, tests), both, 'two cells on two guests');
  t.equal(shardSpecs([spec('k', 'programs')], 8, tests).length, 2, 'shards of 50 tests');
  const few = [spec('k', 'programs', ['t1'])];
  t.same(shardSpecs(few, 2, tests), few, 'few tests');
  const agent = [spec('k', 'agent')];
  t.same(shardSpecs(agent, 2, tests), agent, 'an agent');
  t.end();
});
