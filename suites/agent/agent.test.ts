import t from 'tap';
import { Parser } from 'tap-parser';
import type { CellFile } from '../../lab/model/protocol.ts';
import { buildBinding } from '../binding/build.mjs';
import { Flipper, loadBinding } from '../binding/index.ts';
import { hostUapi } from '../fakes/host-uapi.ts';
import { Choices } from '../lib/choice.ts';
import { HostClient } from '../lib/host.ts';
import { ioMemory } from '../lib/pattern.ts';
import { pipe } from '../lib/pipe.ts';
import { openRing } from '../lib/ring.ts';
import { type Body, type Lab, type Needs, registeredTests, suite, test } from '../lib/test.ts';
import { SkipError, UapiTable } from '../lib/uapi.ts';
import { runTest } from './run.ts';
import { TapWriter } from './tap.ts';

const cell: CellFile = {
  ...{ suite: 'passthrough', guest: 'none', kernel: 'host', only: [], seed: 1, testTimeoutMs: 200 },
  ...{ devices: [], facts: { vcpus: 2, iommu: 'none', pollQueues: 0 } },
};
const uapi = await hostUapi();
const lab: Lab = {
  cell,
  uapi: new UapiTable(uapi),
  host: new HostClient(undefined),
  choices: new Choices(),
  device: (role) => {
    throw new SkipError(`no namespace ${role}`);
  },
};

/** Runs tests; their TAP, and each result as a TAP 14 parser reads it. */
async function runTests(
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
  t.equal(parser.results?.plan.end, cases.length, 'plan');
  return { text, results };
}

t.test('each outcome of a test is TAP that a parser reads as pass, failure, skip or todo', async (t) => {
  const { text, results } = await runTests([
    ['passes', () => {}],
    ['a # in the name \\ and\na new line', () => {}],
    ['fails', (t) => t.equal<unknown>(1, 'one', 'CQE res of the read')],
    ['skips itself', (t) => t.skip('no need # really')],
    ['lacks a constant', () => {}, { uapi: ['IORING_OP_NOTHING'] }],
    ['lacks a kernel', () => {}, { kernel: '99.1' }],
    ['lacks a device', () => {}, { devices: ['zoned'] }],
    ['lacks a fact', () => {}, { facts: { pollQueues: true } }],
    ['has the facts', () => {}, { facts: { vcpus: 2, iommu: 'none' } }],
    ['throws', () => Promise.reject(new RangeError('line one\nline two'))],
    ['has a known fault', (t) => t.ok(false, 'fault fixed'), { knownFault: 'fixed in 6.4' }],
  ]);
  t.same(
    results.map(({ ok }) => ok),
    [true, true, false, true, true, true, true, true, true, false, false],
  );
  t.match(text, /^TAP version 14\n/);
  t.equal(results[1]?.name, 'a # in the name \\ and a new line');
  t.match(results[2]?.diag, {
    message: /^CQE res of the read: expected one, got 1$/,
    expected: /^one$/,
    got: /^1$/,
    at: /agent.test.ts/,
  });
  t.match(results[3], { skip: /no need/ });
  t.match(results[4], { skip: 'the kernel has no IORING_OP_NOTHING' });
  t.match(results[5], { skip: 'needs Linux 99.1, the kernel is host' });
  t.match(results[6], { skip: 'no namespace zoned' });
  t.match(results[7], { skip: 'needs a guest with pollQueues true, this guest has 0' });
  t.match(results[9]?.diag, { message: 'RangeError: line one\nline two' });
  t.match(results[10], { todo: 'fixed in 6.4' });
});

t.test('a result reports the behaviours that Test.since selected for the kernel', async (t) => {
  const old: Lab = { ...lab, uapi: new UapiTable({ ...uapi, release: '6.1.99' }) };
  const body: Body = (t) => {
    t.ok(!t.since('6.2', 'any user may read (nvme_cmd_allowed)'), '6.1.99 is before 6.2');
    t.ok(t.since('5.19', 'there is passthrough'), '6.1.99 is since 5.19');
  };
  const { behaviour, ok } = await runTest({ name: 'both', needs: {}, body }, old);
  t.ok(ok);
  t.equal(
    behaviour,
    'before Linux 6.2: any user may read (nvme_cmd_allowed); since Linux 5.19: there is passthrough',
  );
  const { results } = await runTests([['selects', (t) => void t.since('5.19', 'there is passthrough')]]);
  t.match(results[0]?.diag, { behaviour: / Linux 5.19: there is passthrough$/ });
});

/** Tests of class `choice`, and assertions of choices in others. */
const CHOICES: [string, Body, Needs?][] = [
  ['an errno', (t) => t.equal('-EIO', '-ENXIO', 'errno'), { class: 'choice' }],
  ['a file', () => Promise.reject(new Error('ENOENT')), { class: 'choice' }],
  ['hangs', () => new Promise<void>(() => {}), { class: 'choice' }],
  [
    'an order',
    (t) => {
      for (const got of [2, 2, 1]) t.choice(got, 1, 'order');
      t.oneOf('-EIO', { ours: '-ECANCELED', RFC: '-EIO' }, 'result of a member');
    },
    { class: 'contract' },
  ],
  ['a path', (t) => t.lacksEvidence('the path', 'no counters'), { class: 'contract' }],
  ['data', (t) => t.equal(1, 2, 'byte'), { class: 'safety' }],
];

t.test('a choice with fewer CQEs differs where the ring is freed, and fails where it is not', async (t) => {
  loadBinding(await buildBinding());
  const waits: Body = async (t) => {
    const ring = openRing(t, { shape: 'plain' });
    const { reader } = pipe(t);
    ring.sqe({ opcode: 'IORING_OP_READ', fd: reader, addr: ioMemory(t, 1).address, len: 1, off: -1 });
    ring.submit();
    await ring.wait(1, { timeoutMs: 10 });
  };
  const hangs: Body = async (t) => {
    const ring = openRing(t, { shape: 'plain' });
    // The thread holds the ring's memory, as a request that never ends would hold the ring.
    t.use(new Flipper(ring, [0], [0, 1]));
    await ring.wait(1, { timeoutMs: 10 });
  };
  const { results } = await runTests([
    ['requests wait', waits, { class: 'choice' }],
    ['the ring is not freed', hangs, { class: 'choice' }],
  ]);
  const [waiting, hanging] = results;
  t.match(waiting, { todo: /^a choice of the series/, diag: { message: /^TimeoutError: 0 of 1/ } });
  const message = /^HangError: requests hang: their ring is not freed .*; before that: 0 of 1 completions/;
  t.match(hanging, { ok: false, diag: { class: 'choice', message } });
  t.notOk(hanging?.todo, 'a hang is no choice');
});

t.test('what a series by others chooses differently is reported and fails nothing', async (t) => {
  const { results } = await runTests(CHOICES);
  const todo = /^a choice of the series of this project/;
  t.match(results, [
    { ok: false, todo, diag: { class: 'choice', message: /^errno: expected -ENXIO, got -EIO$/ } },
    { ok: false, todo, diag: { message: /ENOENT/ } },
    { ok: false, diag: { class: 'choice', message: /^DeadlineError/ } },
    {
      ok: true,
      diag: {
        class: 'contract',
        choices: ['order: expected 1, got 2'],
        behaviour: 'result of a member: RFC (-EIO)',
      },
    },
    { ok: true, diag: { unproven: 'the path: no counters' } },
    { ok: false, diag: { class: 'safety' } },
  ]);
  t.notOk(results[2]?.todo, 'a hang is no choice');
  t.notOk(results[5]?.todo, 'nor is wrong data');
});

t.test('the choices of this project’s series are asserted of it', async (t) => {
  const own: Lab = { ...lab, choices: new Choices(), cell: { ...cell, ownSeries: true } };
  const outcomes = await Promise.all(
    CHOICES.filter(([name]) => name !== 'hangs').map(([name, body, needs = {}]) =>
      runTest({ name, needs, body }, own),
    ),
  );
  t.same(
    outcomes.map(({ ok, directive }) => [ok, directive]),
    [
      [false, undefined],
      [false, undefined],
      [false, undefined],
      [true, undefined],
      [false, undefined],
    ],
  );
  t.match(outcomes[2]?.diagnostics, { message: 'order: expected 1, got 2' });
});

t.test('a result reports the metrics of its test', async (t) => {
  const figure = { name: 'submit', value: 3584.5, unit: 'instructions', better: 'lower' } as const;
  const { results } = await runTests([['measured', (t) => t.metric(figure)]]);
  t.match(results[0]?.diag, { metrics: [figure] });
});

t.test(
  'a test that exceeds its deadline is aborted and released and fails with TIMEOUT, and the next tests run',
  async (t) => {
    const events: string[] = [];
    const { text, results } = await runTests([
      [
        'hangs',
        (t) => {
          t.defer(() => events.push('released'));
          t.signal.addEventListener('abort', () => events.push('aborted'));
          return new Promise<void>(() => {});
        },
      ],
      ['follows', () => {}],
      [
        'has a longer deadline',
        () => new Promise((resolve) => setTimeout(resolve, 250)),
        { timeoutMs: 5000 },
      ],
    ]);
    t.same(
      results.map(({ ok }) => ok),
      [false, true, true],
    );
    t.match(text, /^not ok 1 - hangs\n {2}---\n {2}duration_ms: [\d.]+\n {2}verdict: timeout$/m);
    t.match(results[0]?.diag, { message: /^DeadlineError: still running after 200 ms$/ });
    t.same(events, ['aborted', 'released']);
  },
);

t.test('resources are released newest first, and a failed release fails a test that passed', async (t) => {
  const order: number[] = [];
  const { results } = await runTests([
    [
      'cannot release',
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

t.test('a note with TAP syntax and line breaks is written as one comment line', async (t) => {
  const { text } = await runTests([['noted', (t) => t.note('not ok 7\nBail out!')]]);
  t.match(text, /^# not ok 7 Bail out!$/m);
});

t.test('a registered test has the needs of its suite added, and a second test of its name throws', (t) => {
  suite('group', { devices: ['data'], facts: { vcpus: 2 } }, () => {
    test('registered', { devices: ['pi'], uapi: ['X'] }, () => {});
  });
  const testCase = registeredTests().find(({ name }) => name === 'registered');
  t.same(testCase?.needs, { devices: ['data', 'pi'], uapi: ['X'], facts: { vcpus: 2 } });
  t.throws(() => test('registered', () => {}), /a test named "registered" is already registered/);
  t.end();
});
