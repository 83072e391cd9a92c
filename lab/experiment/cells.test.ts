import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { CellSession } from '../cell/session.ts';
import type { LabEvent } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import { CellSlots } from './cells.ts';
import { Recorder } from './recorder.ts';
import { planOf, specOf } from './testing/plan.ts';

const readRun = async (dir: string) => JSON.parse(await readFile(join(dir, 'run.json'), 'utf8')) as RunRecord;

/** A recorded run of cells of the kernels `base` and `patched`. */
async function fixture(t: Test, signal: AbortSignal, saveMs?: number) {
  const dir = join(t.testdir({}), 'run');
  const events: LabEvent[] = [];
  const listeners: ((event: LabEvent) => void)[] = [(event) => events.push(event)];
  const emit = (event: Omit<LabEvent, 'at'>) => {
    for (const listener of listeners) listener(event as LabEvent);
  };
  const ctx = { signal, emit };
  const options = { runsDir: dir, out: dir, version: '0' };
  const recorder = await Recorder.begin(planOf(), [], options, ctx, saveMs);
  t.teardown(() => recorder[Symbol.dispose]());
  for (const id of ['base', 'patched', 'third']) {
    const kernel = { id, name: id, side: 'base' as const, warnings: [], newWarnings: [] };
    recorder.ctx.emit({ type: 'kernel.ready', kernel });
  }
  return {
    dir,
    events,
    recorder,
    onEvent: (listener: (event: LabEvent) => void) => listeners.push(listener),
  };
}

/** Waits until `look` gives a value. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    await setTimeout(2);
  }
}

t.test('cells that an interruption left without a result are lost', async (t) => {
  const abort = new AbortController();
  const { events, recorder } = await fixture(t, abort.signal);
  abort.abort(new Error('interrupted by SIGINT'));
  await new CellSlots({ jobs: 1 }, 2, { templates: { reason: 'none' } } as CellSession, recorder.ctx).runAll([
    specOf('base'),
    specOf('patched'),
  ]);
  const record = await recorder.write();
  t.match(
    events.filter(({ type }) => type === 'cell.end'),
    [
      {
        ...{ type: 'cell.end', cell: 'base/plain/passthrough', verdict: 'lost' },
        result: {
          verdict: 'lost',
          reason: /interrupted/,
          attempts: [{ verdict: 'lost', cutOff: 'planned' }],
        },
      },
      { type: 'cell.end', cell: 'patched/plain/passthrough', verdict: 'lost' },
    ],
  );
  t.match(record, { interrupted: true, cells: [{ verdict: 'lost' }, { verdict: 'lost' }] });
  t.notOk(record.unfinished);
});

/** The events of a cell up to its end, with these tests finished. */
function begin(recorder: Recorder, kernel: string, finished: readonly string[]): void {
  const cell = `${kernel}/plain/passthrough`;
  recorder.ctx.emit({ type: 'cell.start', cell, spec: specOf(kernel) });
  recorder.ctx.emit({ type: 'tests.announced', cell, tests: ['a', 'b', 'c'] });
  for (const name of finished) {
    recorder.ctx.emit({ type: 'test.end', cell, test: { name, verdict: 'pass' } });
  }
}

function end(recorder: Recorder, kernel: string): void {
  const attempt = { repeat: 1, attempt: 1, verdict: 'done' as const, timings: { totalMs: 1 }, artefacts: [] };
  const tests = ['a', 'b', 'c'].map((name) => ({ name, verdict: 'pass' as const }));
  const result = {
    ...{ kernel, profile: 'plain', suite: 'passthrough', verdict: 'done' as const, tests },
    ...{ complaints: [], metrics: [], attempts: [attempt] },
  };
  recorder.ctx.emit({
    ...{ type: 'cell.end', cell: `${kernel}/plain/passthrough`, verdict: 'done', ms: 1, result },
  });
}

const plannedOf = (kernel: string) => ({ kernel, profile: 'plain', suite: 'passthrough', repeat: 1 });

t.test('the tests that a suite announces are on disk when they are reported', async (t) => {
  const { dir, recorder, onEvent } = await fixture(t, new AbortController().signal);
  recorder.ctx.emit({ type: 'cells.planned', cells: [plannedOf('base')] });
  let seen: RunRecord | undefined;
  onEvent((event) => {
    if (event.type === 'tests.announced') seen = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8'));
  });
  begin(recorder, 'base', []);
  const lost = ['a', 'b', 'c'].map((name) => ({ name, verdict: 'lost' }));
  t.match(seen, { unfinished: true, cells: [{ verdict: 'lost', tests: lost }] });
});

t.test(
  'the end of a cell is on disk when it is reported, with the running and planned cells as lost',
  async (t) => {
    const { signal } = new AbortController();
    const { dir, recorder, onEvent } = await fixture(t, signal);
    recorder.ctx.emit({ type: 'cells.planned', cells: ['base', 'patched', 'third'].map(plannedOf) });
    begin(recorder, 'base', ['a', 'b', 'c']);
    begin(recorder, 'patched', ['a', 'b']);
    let seen: RunRecord | undefined;
    onEvent((event) => {
      if (event.type === 'cell.end') seen = JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8'));
    });
    end(recorder, 'base');
    t.match(seen, {
      ...{ unfinished: true, interrupted: false },
      cells: [
        { kernel: 'base', verdict: 'done', tests: [{ verdict: 'pass' }, {}, {}] },
        {
          ...{ kernel: 'patched', verdict: 'lost', reason: 'the run did not end before the cell ended' },
          tests: [
            { name: 'a', verdict: 'pass' },
            { name: 'b', verdict: 'pass' },
            { name: 'c', verdict: 'lost', reason: /no result arrived: the run did not end/ },
          ],
          attempts: [{ cutOff: 'running', verdict: 'lost', key: /^[0-9a-f]{32}$/ }],
        },
        { kernel: 'third', verdict: 'lost', tests: [], attempts: [{ cutOff: 'planned' }] },
      ],
    });
  },
);

t.test('a running record is saved in turns, and only when there is news', async (t) => {
  const { dir, recorder } = await fixture(t, new AbortController().signal, 5);
  begin(recorder, 'base', ['a']);
  const saved = await until(async () => {
    const record = await readRun(dir).catch(() => undefined);
    return record?.cells[0]?.tests[0]?.verdict === 'pass' ? record : undefined;
  });
  t.ok(saved.unfinished);
  const file = join(dir, 'run.json');
  const { ino } = statSync(file);
  recorder.ctx.emit({ type: 'kernel.progress', kernel: 'k', target: 'x', done: 1 });
  // Ten turns of the timer: one with a write would have given the file another inode.
  await setTimeout(50);
  t.equal(statSync(file).ino, ino, 'inode of run.json without news');
  recorder.ctx.emit({
    type: 'test.end',
    cell: 'base/plain/passthrough',
    test: { name: 'b', verdict: 'fail' },
  });
  await until(async () => ((await readRun(dir)).cells[0]?.tests[1]?.verdict === 'fail' ? true : undefined));
});

t.test('a record that cannot be saved ends the run with a LabError that names --out', async (t) => {
  const { dir, recorder } = await fixture(t, new AbortController().signal);
  // A file where the record's folder should be: no user, root neither, can write below it.
  writeFileSync(dir, '');
  end(recorder, 'base');
  t.throws(() => recorder.ctx.signal.throwIfAborted(), {
    ...{ exitCode: 3, name: 'StorageError' },
    message: /which has the run record[\s\S]*set --out/,
  });
  await t.rejects(recorder.write(), { name: 'StorageError', message: /which has the run record/ });
});

t.test('a record that is withdrawn leaves the folders that were there before', async (t) => {
  const { dir, recorder } = await fixture(t, new AbortController().signal);
  await recorder.keepFiles();
  t.ok(existsSync(join(dir, 'run.json')));
  await recorder.withdraw();
  t.notOk(existsSync(dir));
  t.ok(existsSync(join(dir, '..')));
});
