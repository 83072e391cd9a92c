import { PassThrough } from 'node:stream';
import t from 'tap';
import { emptyCell } from '../cell/result.ts';
import { profiles } from '../guest/index.ts';
import type { EventBody } from '../model/event.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { TestResult } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';
import { SuiteInfo } from '../model/suite.ts';
import { cellWords } from './cell-words.ts';
import { columns } from './output.ts';
import { Renderer, type RendererOptions } from './render.ts';
import { Terminal } from './terminal.ts';
import { cellStart, inTests, planned, runStart, testEnd, timed } from './testing/events.ts';
import { FakeScreen } from './testing/screen.ts';

const SUITE = SuiteInfo.parse({ name: 's' });

function plain(options: RendererOptions = {}) {
  const out = new PassThrough();
  const renderer = new Renderer(new Terminal(out as unknown as NodeJS.WriteStream), options);
  return { renderer, text: () => String(out.read() ?? '') };
}

t.test('columns line up and the last one is not padded', (t) => {
  t.equal(
    columns([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
    'a    bb\nccc  d',
  );
  t.end();
});

t.test('on a pipe the start, the end and notes of a build are printed, but no progress', (t) => {
  const { renderer, text } = plain();
  const take = (event: EventBody, at: number) => renderer.take({ ...event, at });
  take({ type: 'kernel.start', kernel: 'k', compiler: 'gcc 12.2.0' }, 1000);
  for (let done = 1; done <= 100; done++) {
    take({ type: 'kernel.progress', kernel: 'k', target: 'a.o', done, total: 100 }, 1000 + 10 * done);
  }
  take({ type: 'kernel.output', kernel: 'k', line: 'hidden' }, 2500);
  take({ type: 'note', note: { code: 'source.uncommitted', subject: '/src' } }, 2600);
  take({ type: 'kernel.end', kernel: 'k', outcome: 'built', seconds: 2 }, 3000);
  take({ type: 'kernel.start', kernel: 'l', compiler: 'gcc 12.2.0' }, 3000);
  take({ type: 'kernel.end', kernel: 'l', outcome: 'failed' }, 203_000);
  t.same(text().trim().split('\n'), [
    'kernel k: build begins, gcc 12.2.0',
    'source /src: has changes that are not committed: they are not in this source',
    'kernel k: built (2.0 s)',
    'kernel l: build begins, gcc 12.2.0',
    'kernel l: FAILED to build (3 min 20 s)',
  ]);
  t.end();
});

t.test('a kernel that could not be made is reported with its verdict and reason', (t) => {
  const { renderer, text } = plain();
  const failure = { verdict: 'apply-failed' as const, message: 'patch 2 does not apply', detail: '' };
  const kernel = { id: 'k', name: 'k+x', side: 'patched' as const, warnings: [], newWarnings: [], failure };
  renderer.take({ type: 'kernel.ready', kernel, at: 0 });
  t.equal(text(), 'kernel k+x: APPLY-FAILED (patch 2 does not apply)\n');
  t.end();
});

const test = (name: string, verdict: TestResult['verdict']): TestResult => ({ name, verdict });

t.test('with verbose each test and line of the compiler is printed', (t) => {
  const { renderer, text } = plain({ verbose: true });
  renderer.take({ type: 'test.end', cell: 'c', test: test('x', 'pass'), at: 0 });
  renderer.take({ type: 'kernel.output', kernel: 'k', line: 'a.c: warning: x', at: 0 });
  t.equal(text(), 'cell c: pass x\nkernel k: a.c: warning: x\n');
  const reason = 'x'.repeat(500);
  renderer.take({ type: 'test.end', cell: 'c', test: { ...test('y', 'fail'), reason }, at: 0 });
  t.equal(text(), `cell c: fail y: ${reason}\n`, 'the whole reason');
  t.end();
});

const passing = (count: number) => Array.from({ length: count }, (_, i) => test(`p${i}`, 'pass'));

function cellEnd(verdict: CellRecord['verdict'], tests: TestResult[], reason?: string) {
  const cell = emptyCell(
    { kernel: { id: 'k' }, profile: profiles.plain as GuestProfile, suite: SUITE, repeat: 1, attempt: 1 },
    verdict,
    reason === undefined ? {} : { reason },
  );
  return { type: 'cell.end' as const, cell: 'k/plain/s', verdict, ms: 18_400, result: { ...cell, tests } };
}

t.test('the end of a cell is one line with its verdict, counts and time', (t) => {
  const { renderer, text } = plain();
  renderer.take({ ...cellEnd('done', [...passing(63), test('b', 'skip')]), at: 100_000 });
  t.equal(text(), 'cell k/plain/s: pass, 63 passed, 1 skipped (18.4 s)\n');
  renderer.take({ ...cellEnd('boot-failed', [], 'no guest in 60 s'), at: 100_000 });
  t.equal(text(), 'cell k/plain/s: BOOT-FAILED (no guest in 60 s) (18.4 s)\n');
  renderer.take({ ...cellEnd('apply-failed', [], 'hunk 1 of a.c'), ms: 0, at: 100_000 });
  t.equal(text(), '', 'the line of the kernel has said it');
  t.end();
});

t.test('cells that never began are one line at the end of the run', (t) => {
  const { renderer, text } = plain();
  const end = cellEnd('lost', [], 'the run was interrupted before the cell began');
  const [attempt] = end.result.attempts;
  const result = { ...end.result, attempts: attempt ? [{ ...attempt, cutOff: 'planned' as const }] : [] };
  for (let i = 0; i < 40; i++) renderer.take({ ...end, ms: 0, result, at: 0 });
  renderer.take({ type: 'run.end', seconds: 3, interrupted: true, at: 0 });
  t.equal(text(), 'run: 40 cells did not begin\n');
  t.end();
});

t.test('the end of a cell says its verdict first, then counts, and why it failed', (t) => {
  const failed = { ...test('c', 'fail'), reason: '1 is not 2' };
  const words = (...args: Parameters<typeof cellEnd>) => cellWords(cellEnd(...args));
  t.equal(words('done', [test('a', 'pass'), test('b', 'skip')]), 'pass, 1 passed, 1 skipped');
  t.equal(
    words('done', [...passing(62), failed]),
    'FAIL, 62 passed, 1 failed (first failure: c: 1 is not 2)',
  );
  t.equal(
    words('done', [test('a', 'pass'), test('d', 'timeout'), failed, test('b', 'lost')]),
    'FAIL, 1 passed, 3 failed (1 timeout, 1 lost; first failure: d)',
  );
  const long = { ...test('d', 'fail'), reason: 'x'.repeat(500) };
  t.match(words('done', [long]), /^FAIL, 1 failed \(first failure: d: x{120}\.{3}\)$/);
  t.equal(words('done', [test('a', 'skip')]), 'skip, 1 skipped', 'nothing was tested');
  t.equal(words('done', []), 'EMPTY, no test ran');
  const end = cellEnd('crash', [test('a', 'pass'), test('b', 'crash'), test('c', 'lost')], 'a panic');
  const attempts = end.result.attempts.map((attempt) => ({ ...attempt, notBegun: ['c'] }));
  t.equal(
    cellWords({ ...end, result: { ...end.result, attempts }, continues: true }),
    'CRASH, 1 passed, 1 failed, 1 left for a fresh guest (1 crash; a panic)',
  );
  t.equal(words('boot-failed', [], 'no guest in 60 s'), 'BOOT-FAILED (no guest in 60 s)');
  t.equal(
    words('crash', [...passing(3), test('x', 'crash'), test('y', 'lost')], 'KASAN: use-after-free in nvme_x'),
    'CRASH, 3 passed, 2 failed (1 crash, 1 lost; KASAN: use-after-free in nvme_x)',
  );
  t.end();
});

t.test('with quiet nothing is printed but that the sandbox is off', (t) => {
  const { renderer, text } = plain({ quiet: true });
  renderer.take({ type: 'kernel.start', kernel: 'k', compiler: 'gcc', at: 0 });
  renderer.take({ ...cellEnd('done', passing(1)), at: 1 });
  renderer.take({ type: 'note', note: { code: 'source.uncommitted', subject: '/src' }, at: 2 });
  t.equal(text(), '');
  renderer.take({ type: 'note', note: { code: 'sandbox.off', subject: 'off' }, at: 3 });
  t.match(text(), /all your rights/);
  t.end();
});

const [A, B] = ['k/plain/s', 'k/swiotlb/s'];

t.test('on a pipe a line a minute says what is done, what runs and what builds', async (t) => {
  const log = Object.assign(new FakeScreen(200), { isTTY: false });
  const renderer = new Renderer(new Terminal(log as unknown as NodeJS.WriteStream), { everyMs: 20 });
  const now = Date.now();
  const progress = { type: 'kernel.progress' as const, kernel: 'k', target: 'a.o', done: 43, total: 100 };
  renderer.take({ ...progress, at: now - 83_000 });
  t.equal(log.text, '', 'before the first minute');
  await log.until(/^kernel k: 43% \(43\/100\), 83\.\d s$/m);
  renderer.take({ type: 'kernel.end', kernel: 'k', outcome: 'built', at: now });
  const events = [runStart(2), planned(A, B), ...inTests(A, ['x', 'y']), testEnd(A, 'x', 'fail')];
  for (const event of timed([...events, cellStart(B)], now - 300_000)) renderer.take(event);
  const text = await log.until(/^run: .*\nrun: .*$/m);
  t.match(
    text.split('\n').at(-1),
    /^run: 0\/2 cells, 1 failed, 5 min \d s; running: k\/plain\/s \(1\/2, 1 failed: y\), k\/swiotlb\/s \(boots\)$/,
  );
  renderer.finish();
});

t.test('on a terminal a flood of results costs no frame each', async (t) => {
  const screen = new FakeScreen(60, 20);
  const renderer = new Renderer(new Terminal(screen as unknown as NodeJS.WriteStream), { env: {} });
  for (const event of timed([runStart(1), planned(A), ...inTests(A)])) renderer.take(event);
  for (let i = 0; i < 20_000; i++) renderer.take({ ...testEnd(A, `t${i}`, 'pass'), at: i });
  await screen.until(/20000 passed {2}after t19999/);
  t.ok(screen.written.calls < 10, `${screen.written.calls} writes`);
  renderer.finish();
  t.equal(screen.text, '');
});

t.test('lines of a flood are printed at once, and the view comes back after them', async (t) => {
  const screen = new FakeScreen(60, 20);
  const renderer = new Renderer(new Terminal(screen as unknown as NodeJS.WriteStream), {
    verbose: true,
    env: {},
  });
  for (const event of timed([runStart(1), planned(A), ...inTests(A)])) renderer.take(event);
  await screen.until(/0\/1 cells/);
  const before = screen.written.chars;
  for (let i = 0; i < 1000; i++) renderer.take({ ...testEnd(A, `t${i}`, 'pass'), at: i });
  const lines = 'cell k/plain/s: pass t999\n'.length * 1000;
  t.ok(screen.written.chars - before < 2 * lines, `${screen.written.chars - before} characters for ${lines}`);
  await screen.until(/pass t999\nk\/plain\/s .*\n {2}1000 passed/);
  renderer.finish();
  t.equal(screen.text.split('\n').length, 1000 + 1, 'the results, and that the guest is ready');
});

t.test('with quiet, in CI or when it has finished, a terminal shows no view', async (t) => {
  const run = timed([runStart(1), planned(A), ...inTests(A)]);
  for (const options of [{ quiet: true, env: {} }, { env: { CI: 'true' } }, { env: { TERM: 'dumb' } }]) {
    const screen = new FakeScreen(60, 20);
    const renderer = new Renderer(new Terminal(screen as unknown as NodeJS.WriteStream), options);
    for (const event of run) renderer.take(event);
    t.equal(renderer.isLive, false, JSON.stringify(options));
    t.equal(screen.text, '');
  }
  const screen = new FakeScreen(60, 20);
  const renderer = new Renderer(new Terminal(screen as unknown as NodeJS.WriteStream), { env: {} });
  for (const event of run) renderer.take(event);
  t.equal(renderer.isLive, true);
  renderer.finish();
  t.equal(renderer.isLive, false);
});
