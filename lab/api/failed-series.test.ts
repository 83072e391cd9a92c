/** Runs of series that do not apply or build, on a fake kernel that is really built. No guest is booted. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import * as api from './index.ts';
import { FakeTree } from './testing/kernel.ts';

const dir = t.testdir({ cache: {} });
process.env.RINGLAB_CACHE = join(dir, 'cache');

const fake = new FakeTree(join(dir, 'kernel'));
const base = fake.commit('base', { 'drivers/b.c': 'int b(void) { return 0; }\n' });
fake.commit('fake: change b', { 'drivers/b.c': 'int b(void) { return 1; }\n' });
const sound = await fake.mbox(base, 'sound');
await fake.reset(base);
fake.commit('fake: break b', { 'drivers/b.c': 'int b(void) { return nothing; }\n' });
const broken = await fake.mbox(base, 'broken');
await fake.reset(base);
const moved = fake.commit('other base', { 'drivers/b.c': 'long other;\n', 'drivers/c.c': 'int c;\n' });
await fake.reset(base);

const matrix = { guests: ['plain', 'swiotlb'], suites: ['passthrough'], accel: 'tcg' as const };

/** A run with the names of the kernels that it compiled, and the guests that it started. */
async function runOf(options: api.RunOptions) {
  const compiled: string[] = [];
  const started: string[] = [];
  const onEvent = (event: api.LabEvent) => {
    if (event.type === 'kernel.start') compiled.push(event.kernel);
    if (event.type === 'guest.start') started.push(event.guest);
  };
  const result = await api.run({ tree: fake.tree, ...matrix, ...options, onEvent });
  return { ...result, compiled, started };
}

/** Parts of a text between occurrences of a word, less one: how often it occurs. */
const times = (text: string, word: string) => text.split(word).length - 1;

t.test('a series that does not apply is reported once, and its base is neither built nor run', async (t) => {
  const out = join(dir, 'apply');
  const result = await runOf({ base: moved, series: sound, out });
  t.match(result, { exitCode: 1, compiled: { length: 0 }, started: { length: 0 } });
  const { record, comparison } = result;
  t.match(record.kernels, [
    { side: 'base', failure: undefined, key: undefined },
    { side: 'patched', failure: { verdict: 'apply-failed' } },
  ]);
  t.match(record.cells, [
    { profile: 'plain', verdict: 'apply-failed', tests: { length: 0 } },
    { profile: 'swiotlb', verdict: 'apply-failed' },
  ]);
  t.equal(record.cells.length, 2, 'cells of the patched kernel alone');
  t.match(comparison, { regressed: 0, tests: { length: 0 }, unproven: [{ code: 'kernel-failed' }] });

  const reason = record.kernels[1]?.failure?.message ?? '';
  t.ok(reason.length > 5, reason);
  const text = await api.report(out);
  t.match(text, /^UNPROVEN: nothing was tested on \S+\+fake-change-b: apply-failed: /);
  t.ok(times(text, 'apply-failed') <= 5, `once at the top, in the list, and for each cell:\n${text}`);
  t.match(text, /base +\S+ +not built/);
  const markdown = await api.report(out, { format: 'markdown' });
  t.match(markdown, /^\*\*Unproven:\*\* nothing was tested on /);
  const junit = await api.report(out, { format: 'junit' });
  t.equal(times(junit, '<error'), 1, junit);
  t.equal(times(junit, 'not run: apply-failed'), 2);
  t.match(JSON.parse(await api.report(out, { format: 'json' })), {
    unproven: [{ code: 'kernel-failed', count: 1 }],
  });
});

t.test('a series that does not build: the base is built for its objects, but no guest starts', async (t) => {
  const { record, comparison, exitCode, compiled, started } = await runOf({
    ...{ base, series: broken, out: join(dir, 'build') },
  });
  t.equal(exitCode, 1);
  t.equal(compiled.length, 2, compiled.join(', '));
  t.same(started, []);
  t.match(record.kernels, [{ side: 'base', key: String }, { failure: { verdict: 'build-failed' } }]);
  t.same(
    record.cells.map(({ verdict }) => verdict),
    ['build-failed', 'build-failed'],
  );
  t.match(comparison, { regressed: 0, unproven: [{ code: 'kernel-failed' }] });
});

t.test('two runs, of which the later has a kernel that could not be made, compare no test', async (t) => {
  const { record } = await runOf({ base: moved, series: sound, out: join(dir, 'later') });
  const earlier = structuredClone(record);
  for (const kernel of earlier.kernels) delete kernel.failure;
  for (const cell of earlier.cells)
    Object.assign(cell, { verdict: 'done', tests: [{ name: 'a', verdict: 'pass' }] });
  const { comparison, exitCode } = await api.compare(earlier, record, { allowGone: true });
  t.match(comparison, { gone: 0, regressed: 0, unproven: [{ code: 'kernel-failed' }] });
  t.equal(exitCode, 1);
});

t.test(
  'a suite that does not compile, or lacks a file, ends the run before a build and leaves nothing',
  async (t) => {
    const suites = t.testdir({
      wrong: { 'index.ts': 'const = 1;\n' },
      lacking: { 'suite.yaml': 'name: lacking\nrun: [./run.sh]\nfiles: [corpus]\n', 'run.sh': '#!/bin/sh\n' },
      typo: { 'suite.yaml': 'name: typo\ntimeoutSecond: 5\n', 'index.ts': '' },
      guest: { 'suite.yaml': 'name: guest\nguests: [plian]\n', 'index.ts': '' },
    });
    const out = join(dir, 'nothing');
    const wrong: [string, RegExp][] = [
      ['wrong', /index\.ts:1:\d+: /],
      ['lacking', /corpus: no such file/],
      ['typo', /timeoutSecond[\s\S]*timeoutSeconds/],
      ['guest', /suite\.yaml[\s\S]*plian[\s\S]*plain/],
    ];
    for (const [name, message] of wrong) {
      const events: string[] = [];
      const request = {
        ...{ tree: fake.tree, base, out, suites: [join(suites, name)], accel: 'tcg' as const },
        ...{ onEvent: ({ type }: api.LabEvent) => void events.push(type) },
      };
      await t.rejects(api.run(request), { exitCode: 2, message }, name);
      t.same(events, [], `events: ${name}`);
      if (name !== 'wrong')
        await t.rejects(api.planRun(request), { exitCode: 2, message }, `dry run of ${name}`);
      t.notOk(existsSync(out), name);
    }
  },
);

t.test(
  'a run that is stopped while its kernel is built has its kernels and cells in the record',
  async (t) => {
    const out = join(dir, 'stopped');
    const reason = new Error('seen enough');
    const abort = new AbortController();
    const slow = fake.commit('fake: compile slowly', { 'drivers/s.c': '/* slow: 60 */\nint s;\n' });
    await fake.reset(base);
    const onEvent = (event: api.LabEvent) => {
      if (event.type === 'kernel.start') abort.abort(reason);
    };
    const request = {
      tree: fake.tree,
      base: slow,
      ...matrix,
      repeats: 2,
      out,
      onEvent,
      signal: abort.signal,
    };
    await t.rejects(api.run(request), reason);
    const { kernels, cells, interrupted } = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'));
    t.ok(interrupted);
    t.match(kernels, [{ side: 'base', warnings: [] }]);
    t.match(cells, [
      {
        profile: 'plain',
        verdict: 'lost',
        reason: /interrupted before the cell began/,
        attempts: { length: 2 },
      },
      { profile: 'swiotlb', verdict: 'lost', attempts: { length: 2 } },
    ]);
  },
);

t.test(
  'mutants of a kernel that does not build: a verdict, which the record and its report have too',
  async (t) => {
    const out = join(dir, 'mutants');
    const wrong = fake.commit('fake: break the base', { 'drivers/b.c': 'int b(void) { return nothing; }\n' });
    await fake.reset(base);
    await t.rejects(
      api.mutants({
        tree: fake.tree,
        base: wrong,
        suites: ['passthrough'],
        accel: 'tcg',
        guests: ['plain'],
        out,
      }),
      { exitCode: 1, name: 'VerdictError', message: /does not build/ },
    );
    const record = await api.readRun(out);
    t.match(record, { failures: [], mutants: [], kernels: [{ failure: { verdict: 'build-failed' } }] });
    t.match(await api.report(out), /^UNPROVEN: nothing was tested on \S+: build-failed: /);
  },
);
