import { PassThrough } from 'node:stream';
import t from 'tap';
import { emptyCell } from '../cell/result.ts';
import { profiles } from '../guest/index.ts';
import type { EventBody } from '../model/event.ts';
import type { GuestProfile } from '../model/guest.ts';
import type { TestResult } from '../model/result.ts';
import type { CellRecord } from '../model/run.ts';
import { SuiteInfo } from '../model/suite.ts';
import { columns } from './output.ts';
import { Renderer } from './render.ts';
import { Terminal } from './terminal.ts';
import { cellWords } from './words.ts';

const SUITE = SuiteInfo.parse({ name: 's' });

function plain(verbose = false) {
  const out = new PassThrough();
  const renderer = new Renderer(new Terminal(out as unknown as NodeJS.WriteStream), { verbose });
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

t.test('without a terminal ends and notes are printed, progress in steps of ten percent', (t) => {
  const { renderer, text } = plain();
  const take = (event: EventBody, at: number) => renderer.take({ ...event, at });
  take({ type: 'kernel.start', kernel: 'k', compiler: 'gcc' }, 1000);
  for (let done = 1; done <= 100; done++) {
    take({ type: 'kernel.progress', kernel: 'k', target: 'a.o', done, total: 100 }, 1000 + 10 * done);
  }
  take({ type: 'kernel.output', kernel: 'k', line: 'hidden' }, 2500);
  take({ type: 'note', note: { code: 'source.uncommitted', subject: '/src' } }, 2600);
  take({ type: 'kernel.end', kernel: 'k', outcome: 'built', seconds: 2 }, 3000);
  t.same(text().trim().split('\n'), [
    ...[10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map(
      (done) => `kernel k: ${done}% (${done}/100) ${(done / 100).toFixed(1)} s a.o`,
    ),
    'source /src: has changes that are not committed: they are not in this source',
    'kernel k: built in 2 s (2.0 s)',
  ]);
  t.end();
});

const test = (name: string, verdict: TestResult['verdict']): TestResult => ({ name, verdict });

t.test('with verbose each test and line of the compiler is printed', (t) => {
  const { renderer, text } = plain(true);
  renderer.take({ type: 'test.end', cell: 'c', test: test('x', 'pass'), at: 0 });
  renderer.take({ type: 'kernel.output', kernel: 'k', line: 'a.c: warning: x', at: 0 });
  t.equal(text(), 'cell c: pass x\nkernel k: a.c: warning: x\n');
  const reason = 'x'.repeat(500);
  renderer.take({ type: 'test.end', cell: 'c', test: { ...test('y', 'fail'), reason }, at: 0 });
  t.equal(text(), `cell c: fail y: ${reason}\n`, 'the whole reason');
  t.end();
});

t.test('the end of a cell says its outcome and counts, and why it broke', (t) => {
  const result = (verdict: CellRecord['verdict'], tests: TestResult[], reason?: string) => {
    const cell = emptyCell(
      { kernel: { id: 'k' }, profile: profiles.plain as GuestProfile, suite: SUITE, repeat: 1, attempt: 1 },
      verdict,
      reason === undefined ? {} : { reason },
    );
    return { type: 'cell.end' as const, cell: 'k/plain/s', verdict, ms: 5, result: { ...cell, tests } };
  };
  t.equal(
    cellWords(result('done', [test('a', 'pass'), test('b', 'skip')])),
    'ok: 1 passed, 0 failed, 1 skipped',
  );
  const failed = { ...test('c', 'fail'), reason: '1 is not 2' };
  t.equal(
    cellWords(result('done', [test('a', 'pass'), failed, test('b', 'lost')])),
    'fail: 1 passed, 2 failed (first c: 1 is not 2)',
  );
  const long = { ...test('d', 'fail'), reason: 'x'.repeat(500) };
  t.match(cellWords(result('done', [long])), /^.{100,200}x\.{3}\)$/);
  t.equal(cellWords(result('done', [test('b', 'lost')])), 'fail: 0 passed, 1 failed (b)');
  t.equal(
    cellWords(result('boot-failed', [], 'no guest in 60 s')),
    'boot-failed: 0 passed, 0 failed (no guest in 60 s)',
  );
  t.end();
});
