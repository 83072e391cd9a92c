import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type { EventBody, LabEvent } from '../model/event.ts';
import type { TestResult } from '../model/result.ts';
import type { CellRecord, RunRecord } from '../model/run.ts';
import { EventLog, replay } from './event-log.ts';
import { RecordFold } from './fold.ts';
import { readRecord, writeRecord } from './record.ts';

const head: RunRecord = {
  ...{ format: 2, id: 'x', startedAt: '2026-01-01T00:00:00Z', seconds: 0, ringlab: '0.1.0' },
  plan: {
    ...{ sources: [{ kernel: 'k' }], withBase: true, only: [], kernelArgs: [], qemuArgs: [] },
    config: { start: 'tinyconfig', fragments: [], debug: false },
    pairs: [
      { profile: 'plain', suite: 's' },
      { profile: 'swiotlb', suite: 's' },
    ],
    ...{ repeats: 2, bootTimeoutMs: 60_000, jobs: 2 },
  },
  kernels: [],
  host: { cpu: 'x', cores: 2, memoryMiB: 1, kernel: '6', node: '20' },
  profiles: [{ id: 'plain' }, { id: 'swiotlb' }],
  suites: [{ id: 's', summary: 'a suite' }],
  ...{ seed: 1, cells: [], spans: [], failures: [], interrupted: false },
};

const result = (kernel: string, profile: string, repeat: number, test: TestResult): CellRecord => ({
  ...{ kernel, profile, suite: 's', verdict: 'done', tests: [test], complaints: [], metrics: [] },
  attempts: [{ repeat, attempt: 1, verdict: 'done', timings: { totalMs: 10 }, artefacts: [] }],
});

const cellEnd = (kernel: string, profile: string, repeat: number): EventBody => ({
  ...{ type: 'cell.end', cell: `${kernel}/${profile}/s`, verdict: 'done', ms: 10 },
  result: result(kernel, profile, repeat, { name: 'a', verdict: repeat === 2 ? 'fail' : 'pass' }),
});

const events = (dir: string): EventBody[] => [
  { type: 'source.start', source: 'before the run', action: 'read', from: dir },
  { type: 'run.start', record: head, dir },
  { type: 'kernel.start', kernel: 'k', compiler: 'gcc' },
  {
    ...{ type: 'session.ready', image: { recipe: 'minimal', key: 'abc' } },
    ...{ accel: { kind: 'tcg', reason: 'no /dev/kvm' }, payloads: { s: 'def' } },
  },
  { type: 'kernel.end', kernel: 'k', outcome: 'built', seconds: 3 },
  {
    type: 'kernel.ready',
    kernel: { id: 'k', name: 'k', side: 'base', warnings: [`${dir}/a.c: unused`], newWarnings: [] },
  },
  {
    type: 'kernel.ready',
    kernel: { id: 'k+s', name: 'k+s', side: 'patched', base: 'k', warnings: [], newWarnings: [] },
  },
  cellEnd('k+s', 'swiotlb', 1),
  cellEnd('k', 'plain', 2),
  cellEnd('k+s', 'plain', 1),
  cellEnd('k', 'plain', 1),
  { type: 'lab.failure', subject: 'k/swiotlb/s', message: 'no space left' },
  { type: 'run.end', seconds: 12.5, interrupted: false },
  { type: 'record.written', dir },
];

const stamped = (bodies: readonly EventBody[]): LabEvent[] =>
  bodies.map((body, index) => ({ ...body, at: 1000 + 100 * index }));

function fold(list: readonly LabEvent[]): RunRecord {
  const records = new RecordFold();
  for (const event of list) records.take(event);
  if (!records.record) throw new Error('no run began');
  return records.record;
}

t.test('the events of a run make its record', (t) => {
  const record = fold(stamped(events('/runs/x')));
  t.match(record, {
    ...{ image: { key: 'abc' }, accel: { kind: 'tcg' }, suites: [{ id: 's', payload: 'def' }] },
    ...{ seconds: 12.5, failures: [{ message: 'no space left' }] },
    kernels: [{ id: 'k' }, { id: 'k+s', base: 'k' }],
  });
  t.same(
    record.cells.map(({ kernel, profile }) => `${kernel}/${profile}`),
    ['k/plain', 'k+s/plain', 'k+s/swiotlb'],
    'in the order of the plan, however they ended',
  );
  const [merged] = record.cells;
  t.same(
    merged?.attempts.map(({ repeat }) => repeat),
    [1, 2],
  );
  t.match(merged?.tests, [{ name: 'a', verdict: 'fail' }], 'what failed once has failed');
  t.same(record.spans, [{ stage: 'kernel', subject: 'k', startMs: 100, ms: 200 }]);
  t.end();
});

t.test(
  'planned kernels and cells are in the record until they are made, run, or left out of a later plan',
  (t) => {
    const start = events('/runs/x').slice(0, 2);
    const kernels = [
      { id: 'k', name: 'k', side: 'base' as const },
      { id: 'k+s', name: 'k+s', side: 'patched' as const, base: 'k' },
    ];
    const cells = ['k', 'k+s'].map((kernel) => ({ kernel, profile: 'plain', suite: 's', repeat: 1 }));
    const planned: EventBody[] = [
      { type: 'kernels.planned', kernels },
      { type: 'cells.planned', cells },
    ];
    const before = fold(stamped([...start, ...planned]));
    t.same(before.kernels[0], { ...kernels[0], warnings: [], newWarnings: [] });
    t.match(before.cells, [
      { kernel: 'k', verdict: 'lost' },
      { kernel: 'k+s', verdict: 'lost' },
    ]);
    const failure = { verdict: 'apply-failed' as const, message: 'no', detail: '' };
    const ready: EventBody = {
      type: 'kernel.ready',
      kernel: { id: 'k+s', name: 'k+s', side: 'patched', base: 'k', warnings: [], newWarnings: [], failure },
    };
    const left: EventBody = { type: 'cells.planned', cells: [] };
    const after = fold(
      stamped([...start, ...planned, ready, left, { type: 'run.end', seconds: 1, interrupted: false }]),
    );
    t.match(after.kernels, [{ id: 'k' }, { id: 'k+s', failure }]);
    t.equal(after.kernels.length, 2);
    t.same(after.cells, []);
    t.end();
  },
);

t.test(
  'a cell that the lab could not finish keeps the tests that had ended; the announced rest is lost',
  (t) => {
    const cell = 'k/plain/s';
    const spec = { kernel: { id: 'k' }, profile: { name: 'plain' }, suite: { name: 's' }, repeat: 1 };
    const end = cellEnd('k', 'plain', 1) as Extract<EventBody, { type: 'cell.end' }>;
    const failed = { verdict: 'lab-failed' as const, reason: 'no space left', tests: [] };
    const { cells } = fold(
      stamped([
        ...events('/runs/x').slice(0, 2),
        { type: 'cell.start', cell, spec } as unknown as EventBody,
        { type: 'tests.announced', cell, tests: ['a', 'b', 'c'] },
        { type: 'test.end', cell, test: { name: 'a', verdict: 'pass' } },
        { ...end, verdict: 'lab-failed', result: { ...end.result, ...failed } },
      ]),
    );
    const lost = { verdict: 'lost', reason: 'no result arrived: no space left' };
    t.match(cells[0]?.tests, [
      { name: 'a', verdict: 'pass' },
      { name: 'b', ...lost },
      { name: 'c', ...lost },
    ]);
    t.equal(cells[0]?.verdict, 'lab-failed');
    t.end();
  },
);

t.test('of programs with subtests only the last may have been running when a run was cut off', (t) => {
  const cell = 'k/plain/s';
  const spec = { kernel: { id: 'k' }, profile: { name: 'plain' }, suite: { name: 's' }, repeat: 1 };
  const ended = ['one > 1', 'one > 2', 'two', 'three > 1'];
  const { cells } = fold(
    stamped([
      ...events('/runs/x').slice(0, 2),
      { type: 'cell.start', cell, spec } as unknown as EventBody,
      { type: 'tests.announced', cell, tests: ['one', 'two', 'three', 'four'] },
      ...ended.map((name): EventBody => ({ type: 'test.end', cell, test: { name, verdict: 'pass' } })),
    ]),
  );
  const names = (verdict: string) =>
    cells.flatMap(({ tests }) => tests).flatMap((test) => (test.verdict === verdict ? test.name : []));
  t.same(names('pass'), ended);
  t.same(names('lost'), ['three', 'four']);
  t.end();
});

t.test('what became of each mutant is in the record', (t) => {
  const mutant = { mutant: '0001-x', fault: 'drop it', killed: true, killedBy: 'plain/s: a' };
  const list: EventBody[] = [...events('/runs/x').slice(0, 2), { type: 'mutant.end', ...mutant }];
  t.same(fold(stamped(list)).mutants, [
    { name: '0001-x', fault: 'drop it', killed: true, killedBy: 'plain/s: a' },
  ]);
  t.equal(fold(stamped(list.slice(0, 2))).mutants, undefined);
  t.end();
});

t.test('the repeats of a cell are merged once until another repeat of it ends', (t) => {
  const records = new RecordFold();
  const take = (...bodies: EventBody[]) => {
    for (const event of stamped(bodies)) records.take(event);
  };
  const cellsNow = () => records.record?.cells ?? [];
  take(...events('/runs/x').slice(0, 7), cellEnd('k', 'plain', 1), cellEnd('k', 'plain', 3));
  const [before] = cellsNow();
  t.equal(before?.attempts.length, 2, 'attempts of the merged cell');
  take(cellEnd('k+s', 'plain', 1));
  t.equal(cellsNow()[0], before, 'the merged cell after the end of another cell');
  take(cellEnd('k', 'plain', 2));
  t.match(cellsNow()[0], { tests: [{ name: 'a', verdict: 'fail' }] });
  t.equal(cellsNow()[0]?.attempts.length, 3, 'attempts after a further repeat');
  t.end();
});

t.test('without the start of a run there is no record', (t) => {
  const [before] = stamped(events('/runs/x'));
  const records = new RecordFold();
  if (before) records.take(before);
  t.equal(records.record, undefined);
  t.end();
});

t.test(
  'a log of events replays into the record that was written, without a path of this machine',
  async (t) => {
    const dir = t.testdir({ run: {} });
    const [run, file] = [join(dir, 'run'), join(dir, 'events.ndjson')];
    const list = stamped(events(run));
    {
      using log = new EventLog(file);
      for (const event of list) log.take(event);
    }
    await writeRecord(run, fold(list));
    t.same(await readRecord(file), await readRecord(run));
    const text = readFileSync(file, 'utf8');
    t.equal(text.split('\n').length, list.length + 1, 'one line an event');
    t.notOk(text.slice(text.indexOf('run.start')).includes(dir), 'no path after the folder is known');
    t.match((await readRecord(run)).kernels[0]?.warnings, ['<run>/a.c: unused']);
  },
);

t.test('a log replaces an earlier one when a run starts, not before: the request may be wrong', (t) => {
  const dir = t.testdir({ 'old.ndjson': 'an earlier log\n' });
  const [old, fresh] = [join(dir, 'old.ndjson'), join(dir, 'fresh.ndjson')];
  const [early, start] = stamped(events('/runs/x'));
  for (const file of [old, fresh]) {
    using log = new EventLog(file);
    if (early) log.take(early);
  }
  t.equal(readFileSync(old, 'utf8'), 'an earlier log\n');
  t.notOk(existsSync(fresh));
  for (const file of [old, fresh]) {
    using log = new EventLog(file);
    for (const event of [early, start]) if (event) log.take(event);
    t.match(readFileSync(file, 'utf8'), /^\{"type":"source\.start".*\n\{"type":"run\.start".*\n$/);
  }
  for (const file of [dir, join(dir, 'nowhere/e.ndjson'), join(old, 'e.ndjson')])
    t.throws(() => new EventLog(file), { exitCode: 2, message: /cannot write the log of events/ }, file);
  t.end();
});

t.test('a log in a pipe that does not block waits for its reader', async (t) => {
  const dir = t.testdir({});
  const fifo = join(dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  // A reader that is slower than the log: the pipe, of 64 KiB, is full meanwhile.
  const reader = spawn('sh', ['-c', 'exec < "$0"; sleep 0.3; cat > "$1"', fifo, join(dir, 'copy')], {
    stdio: 'ignore',
  });
  const ended = once(reader, 'close');
  const message = 'x'.repeat(2 << 20);
  const log = new EventLog(fifo);
  const fd = readdirSync('/proc/self/fd').find((name) => {
    const path = join('/proc/self/fd', name);
    return existsSync(path) && readlinkSync(path) === fifo;
  });
  // libuv sets O_NONBLOCK on the open file that it shares with the log.
  const socket = new Socket({ fd: Number(fd), readable: false, writable: true });
  log.take({ type: 'lab.failure', at: 1, subject: 'run', message });
  t.notOk(log.failed.aborted, 'failure of the log');
  socket.destroy();
  await ended;
  t.match(readFileSync(join(dir, 'copy'), 'utf8'), /x"\}\n$/);
  t.equal(statSync(join(dir, 'copy')).size > message.length, true, 'the whole event arrived');
});

t.test('a log that is cut off gives what it holds; what is no event is named by its line', (t) => {
  const lines = stamped(events('/runs/x')).map((event) => JSON.stringify(event));
  const half = `${lines.slice(0, 8).join('\n')}\n{"type":"cell.e`;
  t.equal(replay(half, 'e.ndjson').cells.length, 1);
  t.throws(() => replay(`${lines[1]}\n{"type":"moon"}\n`, 'e.ndjson'), {
    exitCode: 2,
    message: /e\.ndjson:2/,
  });
  t.throws(() => replay(`nonsense\n`, 'e.ndjson'), { exitCode: 2, message: /e\.ndjson:1/ });
  t.throws(() => replay(`${lines[2]}\n`, 'e.ndjson'), { exitCode: 2, message: /no run begins/ });
  t.end();
});

t.test('replay skips events and notes of unknown types and ignores unknown fields', (t) => {
  const lines = stamped(events('/runs/x')).map((event) => JSON.stringify({ ...event, later: true }));
  const unknown = [
    '{"type":"guest.migrated","at":1,"guest":"g"}',
    '{"type":"note","at":1,"note":{"code":"guest.slow","subject":"g"}}',
  ];
  const log = [lines[0], ...unknown, ...lines.slice(1), ...unknown, ''].join('\n');
  t.same(replay(log, 'e.ndjson'), fold(stamped(events('/runs/x'))));
  t.end();
});

t.test('replay fails with the line of an event without a type or a time, or with a malformed field', (t) => {
  const start = JSON.stringify(stamped(events('/runs/x'))[1]);
  const malformed: [string, RegExp][] = [
    ['{"at":1}', /e\.ndjson:2: type/],
    ['{"type":"guest.migrated"}', /e\.ndjson:2: at/],
    ['{"type":"guest.migrated","at":"noon"}', /e\.ndjson:2: at/],
    ['{"type":"note","at":1,"note":{}}', /e\.ndjson:2: note/],
    ['{"type":"run.end","at":1,"seconds":"long","interrupted":false}', /e\.ndjson:2: seconds/],
    ['["run.end"]', /e\.ndjson:2: .*object/],
    ['{"type":"run.end",', /e\.ndjson:2/],
    ['', /e\.ndjson:2/],
  ];
  for (const [line, message] of malformed) {
    t.throws(() => replay(`${start}\n${line}\n`, 'e.ndjson'), { exitCode: 2, message }, line);
  }
  t.end();
});
