import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import type { EventOf, LabEvent } from '../model/event.ts';
import type { Guest } from '../model/machine.ts';
import { executeSuite } from './execute.ts';
import { Budget } from './limits.ts';
import { resultByExitCode } from './program.ts';
import { localGuest as guest } from './testing/local-guest.ts';

/** The file of kmemleak in the guests of these tests. */
const KMEMLEAK = join(t.testdir({ kmemleak: '' }), 'kmemleak');

/** Runs a command as the suite: its outcome, and the tests that were told meanwhile. */
async function outcomeOf(
  command: string,
  verdict: 'auto' | 'tap',
  {
    onTest,
    budget,
    resultChars,
    debug = false,
    hasKmemleak = false,
    signal = new AbortController().signal,
    watchdog = { slackMs: 60_000 },
    kind = 'program',
    sequence = false,
    known = [],
    ...more
  }: Partial<Guest> & {
    onTest?: (line: string) => unknown;
    budget?: Budget;
    resultChars?: number;
    debug?: boolean;
    hasKmemleak?: boolean;
    signal?: AbortSignal;
    watchdog?: { slackMs: number };
    kind?: 'agent' | 'program' | 'programs';
    sequence?: boolean;
    known?: CellSpec['known'];
  } = {},
) {
  const told: string[] = [];
  const emit = (event: Omit<LabEvent, 'at'>) => {
    if ((event as EventOf<'tests.announced'>).type === 'tests.announced') return;
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
  const spec = {
    ...{ deadlines: { suiteMs: 60_000, testMs: 60_000 }, kernel: { debug }, known },
    ...{ suite: { sequence }, payload: { kind } },
  } as CellSpec;
  const ctx = { signal, emit };
  const options = {
    cell: 'k/plain/prog',
    sink: new PassThrough().resume(),
    hasKmemleak,
    watchdog,
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

t.test('an assertion on standard error explains the failed test of a program with TAP', async (t) => {
  const script =
    'printf "TAP version 13\\n1..3\\nok 1 - maps\\n"; echo "# map.c:12: expected 0, got 14" >&2; printf "not ok 2 - unmaps\\nok 3 - ends\\n"; exit 1';
  const { tests, verdict } = await outcomeOf(script, 'auto');
  t.match(
    { verdict, tests },
    {
      verdict: 'done',
      tests: [
        { name: 'maps', verdict: 'pass' },
        { name: 'unmaps', verdict: 'fail', reason: 'map.c:12: expected 0, got 14' },
        { name: 'ends', verdict: 'pass' },
      ],
    },
  );
  t.equal(tests.length, 3, 'number of tests');
});

t.test('a script that dies before its first TAP line fails with its last words', async (t) => {
  const script = 'set -e; . ./no-such-library.sh; echo "1..1"';
  const auto = await outcomeOf(script, 'auto');
  t.match(auto.tests, [{ name: 'prog', verdict: 'fail', reason: /exit code \d+: .*no-such-library/ }]);
  const tap = await outcomeOf(script, 'tap');
  t.match(tap.tests, [{ verdict: 'lost', reason: /no test result arrived: .*no-such-library/ }]);
});

t.test('a program that plans no test is skipped for its reason, whatever its exit code says', async (t) => {
  for (const code of [0, 4, 77]) {
    const { tests } = await outcomeOf(`echo "1..0 # SKIP no polled queues"; exit ${code}`, 'auto');
    t.same(tests, [{ name: '(all)', verdict: 'skip', reason: 'no polled queues' }], `exit code ${code}`);
  }
  const failed = await outcomeOf('printf "1..1\\nok 1 - a # SKIP b\\n"; exit 1', 'auto');
  t.match(failed.tests, [{ verdict: 'skip' }, { verdict: 'fail', reason: /exit code 1/ }]);
});

t.test('a program that announces TAP and reports nothing is no pass', async (t) => {
  const { tests } = await outcomeOf('printf "TAP version 13\\n1..2\\n"', 'auto');
  t.match(tests, [
    { name: '#1', verdict: 'lost' },
    { name: '#2', verdict: 'lost' },
  ]);
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

for (const [kind, title] of [
  ['signal', 'QEMU was ended from outside by SIGKILL'],
  ['qemu', 'QEMU crashed: it was ended by SIGSEGV'],
] as const) {
  t.test(`${title}: the fault of the lab; tests that had ended are kept`, async (t) => {
    const kill = new EventEmitter();
    const death = once(kill, 'now').then(() => ({ kind, title, tail: 'x' }));
    const onTest = (line: string) => line === 'first: pass' && kill.emit('now');
    const suite = 'printf "1..3\\nok 1 - first\\nok 2 - second\\n"; sleep 60';
    const outcome = await outcomeOf(suite, 'tap', { death, onTest });
    t.match(outcome, { verdict: 'lab-failed', reason: title });
    t.match(outcome.tests, [
      { name: 'first', verdict: 'pass' },
      { name: 'second', verdict: 'pass' },
      { verdict: 'lost', reason: new RegExp(title) },
    ]);
  });
}

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

t.test('a suite that was cut off is no result when the console could not be kept whole', async (t) => {
  const death = Promise.resolve({ kind: 'panic' as const, title: 'Kernel panic - x', tail: 'x' });
  const checkConsole = () => {
    throw new Error('no space is left');
  };
  await t.rejects(outcomeOf('sleep 0.2; echo 1..1', 'tap', { death, checkConsole }), /no space is left/);
});

/** What a guest does when kmemleak is to be scanned, after a suite of two tests that has ended. */
const scanning = (scan: () => ReturnType<Guest['exec']>, death: Guest['death']) =>
  outcomeOf('printf "1..2\\nok 1 - first\\nok 2 - second\\n"', 'tap', {
    debug: true,
    death,
    exec: (command, options) => (/kmemleak/.test(command) ? scan() : guest.exec(command, options)),
  });

for (const [how, scan] of [
  ['cuts the connection', async () => ({ code: null })],
  ['refuses the command', () => Promise.reject(new Error('cannot run a command in the guest'))],
] as const) {
  t.test(
    `a guest that ${how} and dies while its leaks are scanned has crashed; its tests are kept`,
    async (t) => {
      const title = 'Kernel panic - not syncing: in the scan';
      const kill = new EventEmitter();
      const death = once(kill, 'now').then(() => ({ kind: 'panic' as const, title, tail: 'Call Trace' }));
      const outcome = await scanning(() => {
        setTimeout(() => kill.emit('now'), 50);
        return scan();
      }, death);
      t.match(outcome, {
        ...{ verdict: 'crash', reason: title, detail: 'Call Trace' },
        tests: [
          { name: 'first', verdict: 'pass' },
          { name: 'second', verdict: 'pass' },
        ],
      });
      t.equal(outcome.tests.length, 2, 'number of tests');
    },
  );
}

t.test('a cell whose kmemleak is off is not free of leaks: it is lost, and its tests are kept', async (t) => {
  const outcome = await outcomeOf('printf "1..1\\nok 1 - only\\n"', 'tap', {
    debug: true,
    // What sh does when the kernel refuses each command to kmemleak with EPERM.
    exec: (command, options) =>
      guest.exec(
        /kmemleak/.test(command)
          ? `echo() { return 1; }; ${command.replaceAll('/sys/kernel/debug/kmemleak', KMEMLEAK)}`
          : command,
        options,
      ),
  });
  t.match(outcome, {
    verdict: 'lost',
    reason: /kmemleak is off/,
    tests: [{ name: 'only', verdict: 'pass' }],
  });
});

t.test('a cell without kmemleak is lost only if its kernel is configured with it', async (t) => {
  const suite = 'printf "1..1\\nok 1 - only\\n"';
  const exec: Guest['exec'] = (command, options) =>
    guest.exec(command.replaceAll('/sys/kernel/debug/kmemleak', '/no/such/file'), options);
  t.match(await outcomeOf(suite, 'tap', { debug: true, exec }), { verdict: 'done' });
  t.match(await outcomeOf(suite, 'tap', { debug: true, hasKmemleak: true, exec }), {
    verdict: 'lost',
    reason: /kmemleak has no file/,
  });
  t.match(await outcomeOf(suite, 'tap', { hasKmemleak: true, exec }), { verdict: 'done' }, 'not scanned');
});

t.test('a cell whose report of leaks was cut is not done; its tests are kept', async (t) => {
  const outcome = await outcomeOf('printf "1..1\\nok 1 - only\\n"', 'tap', {
    debug: true,
    exec: (command, options) =>
      guest.exec(/kmemleak/.test(command) ? 'yes "unreferenced object"' : command, options),
  });
  t.match(outcome, {
    verdict: 'lost',
    reason: /more than 1 MiB/,
    tests: [{ name: 'only', verdict: 'pass' }],
  });
});

/** An agent that hangs with its second test, in spite of its deadline. */
const HANGING = `printf '# ringlab: test "opens"\\n# ringlab: test "hangs" 20 ms\\n# ringlab: test "closes"\\nok 1 - opens\\n'; exec sleep 1000`;

for (const [what, showTasks] of [
  ['whose kernel says why', async () => 'task:node state:D'],
  ['that does not react', async () => '[the kernel did not react to SysRq w]'],
] as const) {
  t.test(`a test whose agent hangs costs its own deadline, in a guest ${what}`, async (t) => {
    const outcome = await outcomeOf(HANGING, 'tap', { showTasks, watchdog: { slackMs: 100 } });
    const words = 'the agent hung with a test: no result within 0.12 s, its deadline is 0.02 s';
    t.match(outcome, { verdict: 'timeout', reason: `${words}: hangs`, detail: await showTasks() });
    t.same(outcome.tests, [
      { name: 'opens', verdict: 'pass' },
      { name: 'hangs', verdict: 'timeout', reason: `was running when ${words}`, detail: await showTasks() },
      { name: 'closes', verdict: 'lost', reason: `no result arrived: ${words}` },
    ]);
  });
}

t.test('an abort keeps the result that came last', async (t) => {
  const abort = new AbortController();
  const told: string[] = [];
  const exec: Guest['exec'] = (_command, options) =>
    new Promise(() => {
      options?.onStdout?.(Buffer.from('TAP version 14\n1..2\nok 1 - one\n'));
      abort.abort(new Error('enough'));
    });
  const onTest = (line: string) => void told.push(line);
  await t.rejects(outcomeOf('sleep 1000', 'tap', { exec, signal: abort.signal, onTest }), {
    message: 'enough',
  });
  t.same(told, ['one: pass']);
});

for (const [what, onAbort] of [
  ['whose connection breaks', (resolve: (end: { code: null }) => void) => resolve({ code: null })],
  ['that answers no more', () => {}],
] as const) {
  t.test(`an abort ends the suite of a guest ${what} without a wait for its death`, async (t) => {
    const abort = new AbortController();
    const started = new EventEmitter();
    const exec: Guest['exec'] = (_command, options) =>
      new Promise((resolve) => {
        options?.signal?.addEventListener('abort', () => onAbort(resolve));
        started.emit('now');
      });
    const starts = once(started, 'now');
    let ended: unknown;
    void outcomeOf('sleep 1000', 'tap', { exec, signal: abort.signal }).catch((error) => {
      ended = error;
    });
    await starts;
    abort.abort(new Error('enough'));
    for (let turn = 0; turn < 50 && !ended; turn++) await new Promise((resolve) => setImmediate(resolve));
    t.match(ended, { message: 'enough' });
  });
}
