import { execFile } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Parser } from 'tap-parser';
import type { CellFile } from '../../lab/model/protocol.ts';
import { buildBinding } from '../binding/build.mjs';
import { hostUapi } from '../fakes/host-uapi.ts';
import { HostClient } from '../lib/host.ts';
import { type Body, type Lab, type Needs, registeredTests, suite, test } from '../lib/test.ts';
import { SkipError, UapiTable } from '../lib/uapi.ts';
import { bundleAgent } from './bundle.ts';
import { runTest } from './run.ts';
import { TapWriter } from './tap.ts';

const cell: CellFile = {
  ...{ suite: 'passthrough', guest: 'none', kernel: 'host', only: [], seed: 1, testTimeoutMs: 200 },
  ...{ devices: [], facts: { vcpus: 2, iommu: 'none', pollQueues: 0 } },
};
const uapi = await hostUapi();
const PASSTHROUGH = { name: 'passthrough', dir: join(import.meta.dirname, '../passthrough') };
const lab: Lab = {
  cell,
  uapi: new UapiTable(uapi),
  host: new HostClient(undefined),
  device: (role) => {
    throw new SkipError(`no ${role}`);
  },
};

/** What a run says in TAP, as a TAP 14 parser reads it. */
async function inTap(
  cases: [string, Body, Needs?][],
): Promise<{ text: string; results: Record<string, unknown>[] }> {
  let text = '';
  const tap = new TapWriter((part) => {
    text += part;
  });
  for (const [name, body, needs = {}] of cases) tap.test(name, await runTest({ name, needs, body }, lab));
  tap.end();
  const results: Record<string, unknown>[] = [];
  const parser = new Parser();
  parser.on('assert', (result) => results.push(result as unknown as Record<string, unknown>));
  parser.end(text);
  t.equal(parser.results?.plan.end, cases.length, 'the plan at the end');
  return { text, results };
}

t.test('outcomes are TAP that a parser agrees with', async (t) => {
  const { text, results } = await inTap([
    ['passes', () => {}],
    ['a # in the name \\ and\na new line', () => {}],
    ['fails', (t) => t.equal<unknown>(1, 'one', 'one is one')],
    ['skips itself', (t) => t.skip('no need # really')],
    ['lacks a constant', () => {}, { uapi: ['IORING_OP_NOTHING'] }],
    ['lacks a kernel', () => {}, { kernel: '99.1' }],
    ['lacks a device', () => {}, { devices: ['zoned'] }],
    ['lacks a fact', () => {}, { facts: { pollQueues: true } }],
    ['has the facts', () => {}, { facts: { vcpus: 2, iommu: 'none' } }],
    ['throws', () => Promise.reject(new RangeError('line one\nline two'))],
    ['known', (t) => t.ok(false, 'still there'), { knownFault: 'old kernel' }],
  ]);
  t.same(
    results.map(({ ok }) => ok),
    [true, true, false, true, true, true, true, true, true, false, false],
  );
  t.match(text, /^TAP version 14\n/);
  t.equal(results[1]?.name, 'a # in the name \\ and a new line');
  t.match(results[2]?.diag, { message: 'one is one', expected: 'one', got: '1', at: /agent.test.ts/ });
  t.match(results[3], { skip: /no need/ });
  t.match(results[4], { skip: 'the kernel has no IORING_OP_NOTHING' });
  t.match(results[5], { skip: 'needs Linux 99.1, this one is host' });
  t.match(results[6], { skip: 'no zoned' });
  t.match(results[7], { skip: 'needs a guest with pollQueues true, this one has 0' });
  t.match(results[9]?.diag, { message: 'RangeError: line one\nline two' });
  t.match(results[10], { todo: 'old kernel' });
});

t.test('which of two right behaviours was seen goes with the result', async (t) => {
  const old: Lab = { ...lab, uapi: new UapiTable({ ...uapi, release: '6.1.99' }) };
  const body: Body = (t) => {
    t.ok(!t.since('6.2', 'anybody may read (nvme_cmd_allowed)'), 'this one is older');
    t.ok(t.since('5.19', 'there is passthrough'), 'this one is newer');
  };
  const { behaviour, ok } = await runTest({ name: 'both', needs: {}, body }, old);
  t.ok(ok);
  t.equal(
    behaviour,
    'before Linux 6.2: anybody may read (nvme_cmd_allowed); since Linux 5.19: there is passthrough',
  );
  const { results } = await inTap([['seen', (t) => void t.since('5.19', 'there is passthrough')]]);
  t.match(results[0]?.diag, { behaviour: / Linux 5.19: there is passthrough$/ });
});

t.test('figures go with the result', async (t) => {
  const figure = { name: 'submit', value: 3584.5, unit: 'instructions', better: 'lower' } as const;
  const { results } = await inTap([['measured', (t) => t.metric(figure)]]);
  t.match(results[0]?.diag, { metrics: [figure] });
});

t.test('a test that runs out of time is told of, given back and passed by', async (t) => {
  const events: string[] = [];
  const { text, results } = await inTap([
    [
      'hangs',
      (t) => {
        t.defer(() => events.push('released'));
        t.signal.addEventListener('abort', () => events.push('aborted'));
        return new Promise<void>(() => {});
      },
    ],
    ['goes on', () => {}],
    ['has time of its own', () => new Promise((resolve) => setTimeout(resolve, 250)), { timeoutMs: 5000 }],
  ]);
  t.same(
    results.map(({ ok }) => ok),
    [false, true, true],
  );
  t.match(text, /^not ok 1 - hangs # TIMEOUT$/m);
  t.match(results[0]?.diag, { message: /still running after 200 ms/ });
  t.same(events, ['aborted', 'released']);
});

t.test('giving back happens newest first, and its failure fails a test that passed', async (t) => {
  const order: number[] = [];
  const { results } = await inTap([
    [
      'cannot give back',
      (t) => {
        t.defer(() => order.push(1));
        t.defer(() => Promise.reject(new Error('stuck')));
        t.use({ [Symbol.dispose]: () => order.push(3) });
      },
    ],
  ]);
  t.same(order, [3, 1]);
  t.match(results[0], { ok: false, diag: { message: 'Error: stuck' } });
});

t.test('notes are comments, whatever they contain', async (t) => {
  const { text } = await inTap([['noted', (t) => t.note('not ok 7\nBail out!')]]);
  t.match(text, /^# not ok 7 Bail out!$/m);
});

t.test('registration: needs of the group are added, names are unique', (t) => {
  suite('group', { devices: ['data'], facts: { vcpus: 2 } }, () => {
    test('registered', { devices: ['pi'], uapi: ['X'] }, () => {});
  });
  const found = registeredTests().find(({ name }) => name === 'registered');
  t.same(found?.needs, { devices: ['data', 'pi'], uapi: ['X'], facts: { vcpus: 2 } });
  t.throws(() => test('registered', () => {}), /two tests are called/);
  t.end();
});

t.test('a suite starts the agent again as its peer, which lives as long as the test', async (t) => {
  const dir = t.testdir({
    suite: {
      'index.ts': `
        import { peer, startPeer, test } from 'ringlab/suite';
        peer('echo', async ({ argument, tell, next, uapi }) => {
          tell({ argument, release: uapi.release });
          for (;;) tell(await next());
        });
        peer('broken', async () => { throw new Error('no'); });
        test('talks', async (t) => {
          const process = startPeer(t, 'echo', { a: 1 });
          t.same(await process.next(), { argument: { a: 1 }, release: 'host' });
          process.tell([5]);
          t.same(await process.next(), [5]);
          await process.kill();
          await process.next().then(() => t.ok(false, 'it lives'), ({ message }) => t.ok(/SIGKILL/.test(message), message));
        });
        test('breaks', async (t) => {
          for (const name of ['broken', 'nobody'])
            await startPeer(t, name, null).next().then(() => t.ok(false, 'it lives'), ({ message }) => t.ok(/exit code 2/.test(message), message));
        });`,
    },
    'uapi.json': JSON.stringify(uapi),
    'cell.json': JSON.stringify({ ...cell, suite: 'helped', testTimeoutMs: 20_000 }),
  });
  copyFileSync(await buildBinding(), join(dir, 'ringlab.node'));
  const bundle = await bundleAgent({ name: 'helped', dir: join(dir, 'suite') });
  const { error, stdout } = await new Promise<{ error: unknown; stdout: string }>((resolve) => {
    execFile(process.execPath, [bundle.path, dir], { timeout: 30_000 }, (error, stdout) =>
      resolve({ error, stdout }),
    );
  });
  t.equal(error, null, stdout);
  t.match(stdout, /^ok 1 - talks$/m);
  t.match(stdout, /^ok 2 - breaks$/m);
  t.equal(stdout.match(/TAP version/g)?.length, 1, 'a peer writes no TAP');
});

t.test('the bundle runs by itself', async (t) => {
  const [bundle, addon] = await Promise.all([bundleAgent(PASSTHROUGH), buildBinding()]);
  t.equal((await bundleAgent(PASSTHROUGH)).hash, bundle.hash, 'the same sources, the same bundle');
  const dir = t.testdir();
  const agent = (env: Record<string, string> = {}) =>
    new Promise<{ code: unknown; stdout: string }>((resolve) => {
      const options = { env: { ...process.env, UV_USE_IO_URING: '0', ...env }, timeout: 20_000 };
      execFile(process.execPath, [bundle.path, dir], options, (error, stdout) =>
        resolve({ code: error?.code ?? 0, stdout }),
      );
    });
  const empty = await agent();
  t.equal(empty.code, 2);
  t.match(empty.stdout, /^TAP version 14\nBail out! .*cell.json: ENOENT/);
  copyFileSync(addon, join(dir, 'ringlab.node'));
  writeFileSync(join(dir, 'uapi.json'), JSON.stringify(uapi));
  writeFileSync(join(dir, 'cell.json'), JSON.stringify({ ...cell, suite: 'nonsense' }));
  t.match(await agent(), { code: 2, stdout: /Bail out! no suite nonsense; there are passthrough/ });
  writeFileSync(join(dir, 'cell.json'), JSON.stringify({ ...cell, only: ['NVMe refuses'] }));
  const { code, stdout } = await agent();
  t.equal(code, 0);
  t.equal(stdout.match(/^ok .* # SKIP this guest has no device with the role data$/gm)?.length, 3);
  t.match(stdout, /\n1\.\.3\n$/);
});
