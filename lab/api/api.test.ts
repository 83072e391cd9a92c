/** The interface for scripts: what is called as a user's script calls it, on a fake kernel that is really built. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import { run as command } from '../core/process.ts';
import * as api from './index.ts';
import { FakeTree } from './testing/kernel.ts';

const dir = t.testdir({ cache: {}, garbage: 'not a patch at all\n' });
process.env.RINGLAB_CACHE = join(dir, 'cache');
const runsDir = join(dir, 'runs');

const fake = new FakeTree(join(dir, 'kernel'));
const base = fake.commit('base', { 'drivers/b.c': 'int b(void) { return 0; }\n' });
fake.commit('fake: add c', { 'drivers/c.c': 'int c(void) { return 1; }\n' });
fake.commit('fake: break c', { 'drivers/c.c': 'int c(void) { return nothing; }\n' });
fake.commit('fake: fix c', { 'drivers/c.c': 'int c(void) { return 2; }\n' });
const mbox = await fake.mbox(base, 'series');
await fake.reset(base);
const kernel = { tree: fake.tree, base };

/** What a call throws, which has to be an InputError. */
async function problemsOf(call: () => Promise<unknown>): Promise<readonly api.Problem[]> {
  try {
    await call();
  } catch (error) {
    if (error instanceof api.InputError) return error.problems;
    throw error;
  }
  throw new Error('the call did not throw');
}

/** Runs a user's script in the checkout, with plain node. */
const script = (text: string) =>
  command(process.execPath, ['--input-type=module', '-e', text], { cwd: projectRoot, cleanEnv: true, env });
const env = { PATH: process.env.PATH ?? '', RINGLAB_CACHE: join(dir, 'cache') };

t.test(
  'the package exports the names of lab/api/index.ts and prints nothing when it is loaded',
  async (t) => {
    const { stdout, stderr } = await script(
      "console.log(JSON.stringify(Object.keys(await import('ringlab'))));",
    );
    t.same(JSON.parse(stdout), Object.keys(api).sort());
    t.equal(stderr, '');
  },
);

t.test('a signal ends a script that has no handler, and does not end a script that has one', async (t) => {
  const raise = "await import('ringlab'); setTimeout(() => {}, 1000); process.kill(process.pid, 'SIGTERM');";
  await t.rejects(script(raise), { message: /was ended by SIGTERM/ });
  const { stdout } = await script(`process.on('SIGTERM', () => console.log('handled'));${raise}`);
  t.equal(stdout, 'handled\n');
});

t.test('wrong options throw one InputError with every problem, before any work', async (t) => {
  const calls: [string, (wrong: object) => Promise<unknown>][] = [
    ['run', (wrong) => api.run(wrong)],
    ['planRun', (wrong) => api.planRun(wrong)],
    ['bench', (wrong) => api.bench(wrong)],
    ['mutants', (wrong) => api.mutants(wrong)],
    ['buildKernel', (wrong) => api.buildKernel(wrong)],
    ['buildEach', (wrong) => api.buildEach(wrong)],
    ['importSeries', (wrong) => api.importSeries(mbox, wrong)],
    ['findSeries', (wrong) => api.findSeries(mbox, wrong)],
    ['listSeries', (wrong) => api.listSeries(wrong)],
    ['listSources', (wrong) => api.listSources(wrong)],
    ['runCell', (wrong) => api.runCell('cell.json', wrong)],
    ['readRun', (wrong) => api.readRun('latest', wrong)],
    ['compare', (wrong) => api.compare('a', 'b', wrong)],
    ['report', (wrong) => api.report('latest', wrong)],
  ];
  for (const [name, call] of calls) {
    const problems = await problemsOf(() => call({ nonsense: 1, onEvents: 2 }));
    const where = new RegExp(`^${name}\\(`);
    t.match(
      problems,
      [
        { what: /"nonsense"/, where, expected: /one of / },
        { what: /"onEvents"/, where },
      ],
      name,
    );
  }
  const several = { jobs: 0, memoryMiB: 1, accel: 'hvf', kernels: 'debian-6.12', onEvent: 5 };
  const problems = await problemsOf(() => api.run(several as object));
  t.same(problems.map(({ what }) => what.split(':')[0]).sort(), Object.keys(several).sort());
  t.notOk(existsSync(runsDir), 'no record was begun');
});

t.test('names and combinations that are wrong throw an InputError', async (t) => {
  const wrong: [() => Promise<unknown>, RegExp][] = [
    [() => api.planRun({ kernels: ['a'], tree: 'b' }), /two kernels are named/],
    [() => api.planRun({ base: 'HEAD' }), /a revision without a tree/],
    [() => api.planRun({ guests: ['moon', 'mars'] }), /"moon"[\s\S]*"mars"/],
    [() => api.planRun({ suites: ['moon'] }), /"moon"/],
    [() => api.buildKernel({ kernel: 'a', tree: 'b' }), /two kernels are named/],
    [() => api.buildKernel({ kernel: 'debian-0' }), /there is no kernel "debian-0"/],
    [() => api.bench({ accel: 'kvm' }), /KVM does not count instructions/],
    [() => api.mutants({ kernels: ['a', 'b'] }), /several kernels are named/],
    [() => api.importSeries(join(dir, 'garbage')), /neither a patch nor an mbox/],
    [() => api.runCell(join(dir, 'none.json')), /cannot read the cell spec/],
    [() => api.readRun('latest', { runsDir }), /there is no run yet/],
  ];
  for (const [call, message] of wrong) await t.rejects(call(), { exitCode: 2, message }, String(message));
});

t.test('a series is imported, listed, found, cut after a patch and written as an mbox', async (t) => {
  const series = await api.importSeries(mbox, { name: 'three' });
  t.match(series, { name: 'three', patches: [{ number: 1 }, { number: 2 }, { number: 3 }] });
  t.match(
    (await api.listSeries()).find(({ name }) => name === 'three'),
    { from: 'imported', patches: 3 },
  );
  t.same((await api.findSeries('three')).series, series);

  const two = api.firstPatches(series, 2);
  t.match(two, { name: 'three-2', announced: 2, patches: { length: 2 } });
  t.not(two.id, series.id);
  t.equal(api.firstPatches(series, 3).id, series.id, 'all patches are the series');
  for (const count of [0, 4, 1.5])
    t.throws(() => api.firstPatches(series, count), { message: /has no first/ });
  const written = join(dir, 'two.mbox');
  writeFileSync(written, api.formatMbox(two));
  t.equal((await api.importSeries(written, { save: false })).id, two.id);
  t.notOk(
    (await api.listSeries()).some(({ name }) => name.includes('two')),
    'an import without `save` is not kept',
  );

  const own = await api.findSeries('group-kbuf');
  t.match(own, { info: { base: 'debian-6.12' }, series: { needs: 'sqe-group' } });
});

t.test(
  'a kernel is built with a series, with events and once; what does not build is a verdict',
  async (t) => {
    const { series } = await api.findSeries(mbox);
    const types: string[] = [];
    const onEvent = ({ type }: api.LabEvent) => void types.push(type);
    const build = await api.buildKernel({ ...kernel, series: api.firstPatches(series, 1), onEvent });
    t.match(build, { cached: false, newWarnings: [], release: /6\.12\.0-fake/ });
    t.match(build.name, /^source-[0-9a-f]{12}\+.*-1$/);
    t.ok(types.includes('kernel.start') && types.includes('kernel.end'), types.join(' '));
    t.match(await api.buildKernel({ ...kernel, series }), { cached: false });
    t.match(await api.buildKernel({ ...kernel, series }), { cached: true });

    await t.rejects(api.buildKernel({ ...kernel, series: api.firstPatches(series, 2) }), {
      ...{ name: 'VerdictError', verdict: 'build-failed', exitCode: 1 },
      detail: /drivers\/c\.c/,
    });
    const steps = await api.buildEach({ ...kernel, series });
    t.same(
      steps.map(({ ok }) => ok),
      [true, true, false, true],
    );
  },
);

t.test('a kernel that was added is listed, built by its name, and gone after its removal', async (t) => {
  t.match(await api.addSource('mine', { tree: fake.tree, base, summary: 'fake' }), {
    name: 'mine',
    from: 'user',
  });
  t.match(
    (await api.listSources()).find(({ name }) => name === 'mine'),
    { path: fake.tree, revision: base, ready: true },
  );
  t.match(await api.buildKernel({ kernel: 'mine' }), { name: /^mine-/ });
  t.match(await api.updateSources('mine'), [{ name: 'mine', changed: false }]);
  await api.removeSource('mine');
  t.match(await problemsOf(() => api.buildKernel({ kernel: 'mine' })), [
    { what: 'there is no kernel "mine"' },
  ]);
});

t.test('an abort before or in a build throws its reason', async (t) => {
  const reason = new Error('the script has seen enough');
  await t.rejects(api.buildKernel({ ...kernel, signal: AbortSignal.abort(reason) }), reason);
  const abort = new AbortController();
  fake.commit('fake: compile slowly', { 'drivers/s.c': '/* slow: 60 */\nint s;\n' });
  const slow = await fake.mbox(base, 'slow');
  await fake.reset(base);
  const onEvent = (event: api.LabEvent) => {
    if (event.type === 'kernel.start' && event.kernel.includes('slow')) abort.abort(reason);
  };
  const began = performance.now();
  await t.rejects(api.buildKernel({ ...kernel, series: slow, signal: abort.signal, onEvent }), reason);
  t.ok(performance.now() - began < 30_000, 'the compiler was stopped');
});

t.test('a plan names kernels and cells with their command lines, and builds nothing', async (t) => {
  const plan = await api.planRun({
    ...{ ...kernel, series: mbox, guests: ['plain'], suites: ['passthrough'], accel: 'tcg', seed: 7 },
  });
  t.match(plan, { seed: 7, kernels: { length: 2 }, cells: { length: 2 } });
  t.match(plan.cells[0]?.command.join(' '), /qemu-system-/);
  t.match(
    await api.planRun({ ...kernel, guests: ['plain'], suites: ['passthrough'], accel: 'tcg', repeats: 3 }),
    { kernels: { length: 1 }, cells: { length: 3 } },
  );
});

t.test('a series that does not build is a result: recorded, read again, reported and compared', async (t) => {
  const series = api.firstPatches((await api.findSeries(mbox)).series, 2);
  const eventsFile = join(dir, 'events.ndjson');
  const result = await api.run({
    ...{ ...kernel, series, patchedOnly: true, guests: ['plain'], suites: ['passthrough'], accel: 'tcg' },
    ...{ runsDir, eventsFile },
  });
  t.match(result, { exitCode: 1, comparison: undefined });
  t.match(result.record.cells, [{ verdict: 'build-failed', profile: 'plain', suite: 'passthrough' }]);
  t.ok(result.dir.startsWith(`${runsDir}/`), result.dir);
  t.ok(readdirSync(result.dir).includes('run.json'));
  t.ok(readFileSync(eventsFile, 'utf8').split('\n').length > 5);

  const { id } = result.record;
  for (const name of [result.dir, id, 'latest', eventsFile])
    t.equal((await api.readRun(name, { runsDir })).id, id, name);
  const byRecord = await api.report(result.record, { format: 'markdown' });
  t.match(byRecord, /build-failed/);
  t.equal(await api.report('latest', { runsDir, format: 'markdown' }), byRecord);
  t.match(JSON.parse(await api.report('latest', { runsDir, format: 'json' })), Object);

  const { comparison, exitCode } = await api.compare('latest', result.record, { runsDir });
  t.match({ kind: comparison.kind, exitCode }, { kind: 'runs', exitCode: 1 }, 'no test proves anything');
  t.match(await api.report(result.record, { comparison }), /build-failed/);
  await t.rejects(api.run({ ...kernel, out: result.dir, guests: ['plain'], accel: 'tcg' }), {
    ...{ exitCode: 2, message: /already holds a run/ },
  });
});

t.test(
  'a run that is allowed to do without a sandbox has a note first, and its record and reports say so',
  async (t) => {
    const series = api.firstPatches((await api.findSeries(mbox)).series, 2);
    const request = {
      ...kernel,
      series,
      patchedOnly: true,
      guests: ['plain'],
      suites: ['passthrough'],
      accel: 'tcg' as const,
    };
    const notes: unknown[] = [];
    const onEvent = (event: api.LabEvent) => {
      if (event.type === 'note' && event.note.code === 'sandbox.off') notes.push(event.note);
    };
    const free = await api.run({ ...request, runsDir, unsafeNoSandbox: true, onEvent });
    t.same(notes, [{ code: 'sandbox.off', subject: 'off' }], 'notes');
    t.same(free.record.sandbox, { required: false, protections: [] });
    for (const format of ['text', 'markdown', 'junit'] as const)
      t.match(await api.report(free.dir, { format }), /no sandbox: code of kernels/, format);
    const held = await api.run({ ...request, runsDir, onEvent });
    t.equal(notes.length, 1, 'notes of both runs');
    t.match(held.record.sandbox, { required: true });
    t.ok(held.record.sandbox?.protections.includes('no capabilities'), 'protections of a run in the sandbox');
    t.notMatch(await api.report(held.dir), /sandbox/);
  },
);
