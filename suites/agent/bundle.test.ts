import { execFile } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CellFile } from '../../lab/model/protocol.ts';
import { buildBinding } from '../binding/build.mjs';
import { hostUapi } from '../fakes/host-uapi.ts';
import { bundleAgent } from './bundle.ts';

const cell: CellFile = {
  ...{ suite: 'passthrough', guest: 'none', kernel: 'host', only: [], seed: 1, testTimeoutMs: 20_000 },
  ...{ devices: [], facts: { vcpus: 2, iommu: 'none', pollQueues: 0 } },
};
const uapi = await hostUapi();
const addon = await buildBinding();
const PASSTHROUGH = { name: 'passthrough', dir: join(import.meta.dirname, '../passthrough') };

/** The part of a tap test that makes folders. */
interface Testdir {
  testdir(files: Record<string, string | Record<string, string>>): string;
}

/** Folder of an agent (its argument): the addon, `uapi.json` of the host, and `cell.json` with these changes. */
function agentFolder(t: Testdir, change: Partial<CellFile>): string {
  const cellJson = JSON.stringify({ ...cell, ...change });
  const dir = t.testdir({ agent: { 'uapi.json': JSON.stringify(uapi), 'cell.json': cellJson } });
  copyFileSync(addon, join(dir, 'agent/ringlab.node'));
  return join(dir, 'agent');
}

/** Bundles the agent with a suite of this source. */
async function bundleSource(t: Testdir, name: string, source: string) {
  return bundleAgent({ name, dir: t.testdir({ 'index.ts': source }) });
}

/** Runs a bundled agent on the host; its exit code and TAP. */
function runAgent(path: string, folder: string): Promise<{ code: unknown; stdout: string }> {
  const options = { env: { ...process.env, UV_USE_IO_URING: '0' }, timeout: 30_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, [path, folder], options, (error, stdout) =>
      resolve({ code: error?.code ?? 0, stdout }),
    );
  });
}

t.test(
  'an agent bails out and exits with 2 without cell.json, or with a suite that it does not have',
  async (t) => {
    const { path } = await bundleAgent(PASSTHROUGH);
    const empty = await runAgent(path, t.testdir());
    t.equal(empty.code, 2);
    t.match(empty.stdout, /^TAP version 14\nBail out! .*cell.json: ENOENT/);
    const wrongSuite = await runAgent(path, agentFolder(t, { suite: 'nonsense' }));
    t.match(wrongSuite, { code: 2, stdout: /Bail out! no suite nonsense: this agent has passthrough/ });
  },
);

t.test('an agent exits with 0 when all tests of its suite are skipped, each with its reason', async (t) => {
  const { path, hash } = await bundleAgent(PASSTHROUGH);
  t.equal((await bundleAgent(PASSTHROUGH)).hash, hash, 'hash of a second bundle');
  const { code, stdout } = await runAgent(path, agentFolder(t, {}));
  t.equal(code, 0);
  t.match(stdout, /^ok .* # SKIP this guest has no namespace with the role data$/m);
  const skipped = stdout.match(/^ok .* # SKIP \S/gm)?.length;
  t.equal(stdout.match(/\n1\.\.(\d+)\n$/)?.[1], `${skipped}`, 'plan: all of the tests skipped');
});

t.test('an agent runs only the tests whose names contain a part that cell.json selects', async (t) => {
  const { path } = await bundleSource(
    t,
    'parts',
    `
import { test } from 'ringlab/suite';
for (const name of ['a read of a block', 'a flush', 'a write', 'a read of a zone']) test(name, () => {});`,
  );
  const { code, stdout } = await runAgent(path, agentFolder(t, { suite: 'parts', only: ['read', 'flush'] }));
  t.equal(code, 0);
  t.same(stdout.match(/^ok .*$/gm), [
    'ok 1 - a read of a block',
    'ok 2 - a flush',
    'ok 3 - a read of a zone',
  ]);
  t.match(stdout, /\n1\.\.3\n$/);
});

for (const name of ['dma-premap', 'group-kbuf', 'multipath', 'sqe-group'])
  t.test(`each test of ${name} says what its failure means for a series by others`, async (t) => {
    const { path } = await bundleAgent({ name, dir: join(import.meta.dirname, '..', name) });
    const { stdout } = await runAgent(path, agentFolder(t, { suite: name }));
    const announced = stdout.match(/^# ringlab: test .*$/gm) ?? [];
    t.ok(announced.length > 20, `${announced.length} tests`);
    t.same(
      announced.filter((line) => !/" (\d+ ms )?(contract|objection|safety|choice)$/.test(line)),
      [],
      'tests without a class',
    );
  });

const PEERS = `
import { peer, startPeer, test } from 'ringlab/suite';
peer('echo', async ({ argument, tell, next, uapi }) => {
  tell({ argument, release: uapi.release });
  for (;;) tell(await next());
});
peer('broken', async () => { throw new Error('no'); });
test('exchanges messages', async (t) => {
  const process = startPeer(t, 'echo', { a: 1 });
  t.same(await process.next(), { argument: { a: 1 }, release: 'host' }, 'first message');
  process.tell([5]);
  t.same(await process.next(), [5], 'echo');
  await process.kill();
  const ending = await process.next().catch(({ message }) => message);
  t.equal(ending, 'the peer process ended before its next message: SIGKILL', 'reason after kill');
});
test('ends', async (t) => {
  for (const name of ['broken', 'unregistered']) {
    const ending = await startPeer(t, name, null).next().catch(({ message }) => message);
    t.equal(ending, 'the peer process ended before its next message: exit code 2', 'reason of ' + name);
  }
});`;

t.test(
  'a peer process exchanges messages with its test, and its end rejects the next message with the reason',
  async (t) => {
    const { path } = await bundleSource(t, 'peers', PEERS);
    const { code, stdout } = await runAgent(path, agentFolder(t, { suite: 'peers' }));
    t.equal(code, 0, stdout);
    t.match(stdout, /^ok 1 - exchanges messages$/m);
    t.match(stdout, /^ok 2 - ends$/m);
    t.equal(stdout.match(/TAP version/g)?.length, 1, 'TAP streams on standard output');
  },
);
