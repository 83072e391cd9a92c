/** What is pushed into a guest before its agent starts. */
import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import type { StoredKernel } from '../model/kernel.ts';
import type { Guest } from '../model/machine.ts';
import { cellFile, launchAgent, preloadOf } from './agent.ts';

const spec = {
  ...{ suite: { name: 's' }, profile: { name: 'plain' }, kernel: { id: 'k', debug: false } },
  ...{ payload: { kind: 'agent', key: 'abc' }, only: [], seed: 1, deadlines: { testMs: 1000 } },
} as unknown as CellSpec;
const kernel = { uapi: '/headers/uapi.json' } as StoredKernel;

async function pushedTo(preloaded?: string): Promise<string[]> {
  const names: string[] = [];
  const guest = {
    ...{ devices: [], facts: {}, preloaded },
    push: async (files: { to: string }[]) => void names.push(...files.map(({ to }) => to)),
    serveHost: async () => ({ port: 7, [Symbol.asyncDispose]: async () => {} }),
  } as unknown as Guest;
  await using launch = await launchAgent(guest, spec, '/payload', kernel);
  t.match(launch.command, /RINGLAB_HOST_PORT=7 exec \/usr\/lib\/ringlab\/node agent\.cjs/);
  return names;
}

t.test('a guest that was forked with its agent gets only the cell', async (t) => {
  const all = ['agent.cjs', 'agent.cjs.compiled', 'ringlab.node', 'uapi.json', 'cell.json'];
  const inHome = (names: string[]) => names.map((name) => `/run/ringlab/${name}`);
  t.same(await pushedTo(), inHome(all));
  t.same(await pushedTo('another'), inHome(all), 'the agent of another suite');
  t.same(await pushedTo('abc'), inHome(['cell.json']));
});

t.test('the agent is told of a series of this project', (t) => {
  const guest = { devices: [], facts: {} } as unknown as Guest;
  t.equal(cellFile({ ...spec, ownSeries: true }, guest).ownSeries, true);
  t.notOk('ownSeries' in cellFile(spec, guest));
  t.end();
});

t.test('the share of a shard is told to the agent, but not once its tests are known by name', (t) => {
  const guest = { devices: [], facts: {} } as unknown as Guest;
  const shard = { ...spec, shard: 2, shards: 3 };
  t.same(cellFile(shard, guest).shard, { at: 2, of: 3 });
  t.match(cellFile({ ...shard, attempt: 2, tests: ['a'] }, guest), { tests: ['a'], shard: undefined });
  t.equal(cellFile(spec, guest).shard, undefined);
  t.end();
});

t.test('what a template has of an agent is what would be pushed', (t) => {
  const preload = preloadOf(spec, { payload: '/payload', kernel });
  t.match(preload, { key: 'abc', script: '/run/ringlab/agent.cjs' });
  t.same(preload?.files.at(-1), { from: '/headers/uapi.json', to: '/run/ringlab/uapi.json' });
  t.equal(preload?.files.length, 4);
  t.same(preloadOf(spec)?.files, [], 'without artefacts the key alone');
  t.equal(preloadOf({ payload: { kind: 'programs', key: 'abc' } }), undefined);
  t.end();
});
