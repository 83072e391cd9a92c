import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import { shardSpecs } from './shards.ts';

const spec = (kernel: string, kind: 'agent' | 'programs', only: string[] = []) =>
  ({
    kernel: { id: kernel },
    suite: { name: 'many' },
    profile: { vcpus: 2 },
    payload: { kind, key: '' },
    only,
  }) as unknown as CellSpec;
const names = Array.from({ length: 50 }, (_, index) => `t${index}`);
const tests = { names: new Map([['many', names]]), counts: new Map([['many', 50]]) };

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

t.test('guests that share a suite for the agent choose its tests themselves', (t) => {
  const agent = spec('k', 'agent');
  t.same(shardSpecs([agent], 2, tests, 4), [
    { ...agent, shard: 1, shards: 2 },
    { ...agent, shard: 2, shards: 2 },
  ]);
  t.same(shardSpecs([agent], 2, tests, 2), [agent], 'no cores for a second guest');
  const whole = {
    'tests that depend on each other': { ...agent, suite: { name: 'many', sequence: true } },
    'what measures the boot': { ...agent, suite: { name: 'many', boots: true } },
    'a guest for each test': { ...agent, most: 1 },
    'some of its tests': { ...agent, only: ['t1'] },
    'a suite of few tests': { ...agent, suite: { name: 'few' } },
    'a single program': { ...agent, payload: { kind: 'program' } },
  } as unknown as Record<string, CellSpec>;
  for (const [what, cell] of Object.entries(whole)) t.same(shardSpecs([cell], 2, tests, 4), [cell], what);
  t.end();
});

t.test('cells stay whole where others use the guests, and for few tests', (t) => {
  const both = [spec('base', 'programs'), spec('patched', 'programs')];
  t.same(shardSpecs(both, 2, tests), both, 'two cells on two guests');
  t.equal(shardSpecs([spec('k', 'programs')], 8, tests).length, 2, 'shards of 50 tests');
  const few = [spec('k', 'programs', ['t1'])];
  t.same(shardSpecs(few, 2, tests), few, 'few tests');
  t.end();
});
