import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { PassThrough } from 'node:stream';
import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import type { EventOf, LabEvent } from '../model/event.ts';
import type { Guest } from '../model/machine.ts';
import { scanForLeaks } from './complaints.ts';
import { executeSuite } from './execute.ts';
import { Budget } from './limits.ts';
import { resultByExitCode } from './program.ts';

/** A guest whose commands run here. */
const guest = {
  startedAt: 0,
  death: new Promise(() => {}),
  consoleFile: '/dev/null',
  async exec(command: string, { onStdout, onStderr, signal }: Parameters<Guest['exec']>[1] = {}) {
    const child = spawn('sh', ['-c', command], { detached: true });
    const kill = () => void process.kill(-(child.pid ?? 0), 'SIGKILL');
    signal?.addEventListener('abort', kill);
    child.stdout.on('data', (chunk: Buffer) => onStdout?.(chunk));
    child.stderr.on('data', (chunk: Buffer) => onStderr?.(chunk));
    const [code] = await once(child, 'close');
    signal?.removeEventListener('abort', kill);
    signal?.throwIfAborted();
    return { code };
  },
} as Partial<Guest> as Guest;

/** Runs a command as the suite: its outcome, and the tests that were told meanwhile. */
async function outcomeOf(
  command: string,
  verdict: 'auto' | 'tap',
  {
    onTest,
    budget,
    resultChars,
    ...more
  }: Partial<Guest> & { onTest?: (line: string) => unknown; budget?: Budget; resultChars?: number } = {},
) {
  const told: string[] = [];
  const emit = (event: Omit<LabEvent, 'at'>) => {
    const { test } = event as EventOf<'test.end'>;
    const line = `${test.name}: ${test.verdict}`;
    told.push(line);
    onTest?.(line);
  };
  const program =
    verdict === 'tap' ? { tapFirst: false } : { convention: 'liburing' as const, tapFirst: true };
  const launch = {
    command,
    byExitCode: resultByExitCode('prog', program),
    [Symbol.asyncDispose]: async () => {},
  };
  const spec = { deadlines: { suiteMs: 20_000 }, kernel: { debug: false } } as CellSpec;
  const ctx = { signal: new AbortController().signal, emit };
  const options = {
    cell: 'k/plain/prog',
    sink: new PassThrough().resume(),
    ...(budget ? { budget } : {}),
    ...(resultChars ? { resultChars } : {}),
  };
  const outcome = await executeSuite({ ...guest, ...more }, spec, launch, options, ctx);
  return { ...outcome, told };
}

t.test('the exit code of a program without TAP is its only result, and is told', async (t) => {
  const passed = await outcomeOf('echo all fine', 'auto');
  t.same(passed.tests, [{ name: 'prog', verdict: 'pass', detail: 'all fine' }]);
  t.same(passed.told, ['prog: pass']);
  const failed = await outcomeOf('echo oh no; exit 3', 'auto');
  t.match(failed, { verdict: 'done', tests: [{ name: 'prog', verdict: 'fail', reason: 'exit code 3' }] });
  t.same(failed.told, ['prog: fail']);
});

t.test('TAP outranks the exit code where both are there', async (t) => {
  const { tests, told } = await outcomeOf('printf "ok 1 - one\\nok 2 - two\\n1..2\\n"', 'auto');
  t.match(tests, [{ name: 'one', verdict: 'pass' }, { name: 'two' }]);
  t.same(told, ['one: pass', 'two: pass']);
});

t.test('a program of which only TAP counts, and that prints none, has lost its results', async (t) => {
  const { tests, told } = await outcomeOf('echo all fine', 'tap');
  t.match(tests, [{ verdict: 'lost', reason: /no test result arrived/ }]);
  t.equal(told.length, 1);
});

const MIB = 1 << 20;
const rss = () => process.memoryUsage().rss;

for (const [stream, command] of [
  ['standard output', 'exec cat /dev/zero'],
  ['standard error', 'exec cat /dev/zero >&2'],
] as const) {
  t.test(`a program that floods its ${stream} is ended, and the result says so`, async (t) => {
    const before = rss();
    const { verdict, reason, tests } = await outcomeOf(command, 'auto');
    t.match({ verdict, reason }, { verdict: 'lost', reason: /printed more than 64 MiB/ });
    t.match(tests, [{ verdict: 'lost', reason: /ended after 64 MiB of output/ }], 'tests');
    t.ok(rss() - before < 256 * MIB, `resident memory grew by ${Math.round((rss() - before) / MIB)} MiB`);
  });
}

t.test('a run whose budget suites have used up still takes the least of each', async (t) => {
  const budget = new Budget({ total: 5 * MIB, most: 3 * MIB, least: MIB });
  const flood = async () => (await outcomeOf('exec cat /dev/zero', 'tap', { budget })).reason;
  t.match(await flood(), /printed more than 3 MiB/);
  t.match(await flood(), /printed more than 2 MiB/, 'what was left');
  for (const _ of [1, 2]) t.match(await flood(), /printed more than 1 MiB/, 'the least');
  const small = await outcomeOf('printf "1..1\\nok 1 - small\\n"', 'tap', { budget });
  t.match(small, { verdict: 'done', tests: [{ name: 'small', verdict: 'pass' }] });
});

t.test('results beyond the characters that a record takes become one result that is no pass', async (t) => {
  const lines =
    'i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo "ok $i - sector $i is read back"; done; echo 1..500';
  const outcome = await outcomeOf(lines, 'tap', { resultChars: 8000 });
  t.match(outcome.tests.at(-1), {
    name: '(further results)',
    verdict: 'lost',
    reason: /limit 8000 characters/,
  });
  t.ok(outcome.tests.length > 50, `results: ${outcome.tests.length}`);
  t.ok(JSON.stringify(outcome.tests).length < 8200, 'characters of the results');
});

t.test(
  'a QEMU that is ended from outside is the fault of the lab; tests that had ended are kept',
  async (t) => {
    const title = 'QEMU was ended from outside by SIGKILL';
    const kill = new EventEmitter();
    const death = once(kill, 'now').then(() => ({ kind: 'signal' as const, title, tail: 'x' }));
    const onTest = (line: string) => line === 'first: pass' && kill.emit('now');
    const outcome = await outcomeOf('printf "1..3\\nok 1 - first\\nok 2 - second\\n"; sleep 60', 'tap', {
      death,
      onTest,
    });
    t.match(outcome, { verdict: 'lab-failed', reason: title });
    t.match(outcome.tests, [
      { name: 'first', verdict: 'pass' },
      { name: 'second', verdict: 'pass' },
      { verdict: 'lost', reason: new RegExp(title) },
    ]);
  },
);

t.test(
  'a guest that printed without end has a suite without its results, not a fault of the lab',
  async (t) => {
    const death = Promise.resolve({ kind: 'flood' as const, title: 'it printed too much', tail: 'x' });
    t.match(await outcomeOf('sleep 0.2; echo 1..1', 'tap', { death }), {
      verdict: 'lost',
      reason: 'it printed too much',
    });
  },
);

t.test('a report of kmemleak without end is cut at 1 MiB or its deadline, and says so', async (t) => {
  const { signal } = new AbortController();
  const before = rss();
  const endless = {
    ...guest,
    exec: (_: string, options?: object) => guest.exec('yes "unreferenced object"', options),
  };
  const { report, cut } = await scanForLeaks(endless, signal);
  t.equal(report.length, MIB, 'characters of the report');
  t.match(cut, /more than 1 MiB/);
  t.ok(rss() - before < 128 * MIB, 'growth of resident memory');
  const silent = {
    ...guest,
    exec: (_: string, options?: object) => guest.exec('echo begun; sleep 1000', options),
  };
  t.match(await scanForLeaks(silent, signal, 500), {
    report: 'begun\n',
    cut: /did not end its report within 0.5 s/,
  });
  const short = { ...guest, exec: (_: string, options?: object) => guest.exec('echo all', options) };
  t.same(await scanForLeaks(short, signal), { report: 'all\n' });
});
