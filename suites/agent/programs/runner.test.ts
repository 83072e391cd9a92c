import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { GuestProgram } from '../../../lab/model/protocol.ts';
import { TapStream } from '../../../lab/tap/index.ts';
import { TapWriter } from '../tap.ts';
import { reasonToSkip, runPrograms } from './runner.ts';

/** Runs shell scripts as the programs of a suite: the text of the runner, and the results that the lab reads of it. */
async function run(
  t: Test,
  scripts: Record<string, string>,
  settings: Partial<GuestProgram> & { env?: Record<string, string>; release?: string; most?: number } = {},
) {
  const { env = {}, release = '6.12.1', most, ...program } = settings;
  const home = t.testdir(
    Object.fromEntries(Object.entries(scripts).map(([name, text]) => [name, `#!/bin/sh\n${text}\n`])),
  );
  const programs = Object.keys(scripts).map((name): GuestProgram => {
    chmodSync(join(home, name), 0o755);
    return { name, args: [], timeoutMs: 20_000, convention: 'liburing', tapFirst: true, ...program };
  });
  let text = '';
  const tap = new TapWriter((piece) => {
    text += piece;
  });
  tap.announce(programs);
  const outcome = await runPrograms({ env, programs }, { home, libraries: '/nowhere', release, most, tap });
  tap.end();
  const stream = new TapStream();
  stream.write(Buffer.from(text));
  const results = stream.end({ code: outcome.failed > 0 ? 1 : 0 });
  return { ...outcome, text, results, home };
}

t.test('each program is one test by its exit code, with what it printed', async (t) => {
  const { results, failed } = await run(t, {
    good: 'echo fine',
    bad: 'echo "not ok: queue is empty"; echo wrong >&2; exit 3',
    'no-reason': 'exit 77',
    reason: 'echo checking; echo "SKIP: no polled queues"; exit 77',
    crash: 'kill -SEGV $$',
  });
  t.match(results, [
    { name: 'good', verdict: 'pass', detail: /fine/ },
    { name: 'bad', verdict: 'fail', reason: 'exit code 3: wrong', detail: /queue is empty[\s\S]*wrong/ },
    { name: 'no-reason', verdict: 'skip', reason: /exit code 77/ },
    { name: 'reason', verdict: 'skip', reason: 'no polled queues' },
    { name: 'crash', verdict: 'fail', reason: 'ended by SIGSEGV' },
  ]);
  t.equal(results.length, 5, 'results');
  t.equal(failed, 2, 'failed programs');
});

t.test('standard output and standard error are pipes, as in a shell', async (t) => {
  const { results } = await run(t, { piped: '[ -p /proc/self/fd/1 ] && [ -p /proc/self/fd/2 ]' });
  t.match(results, [{ name: 'piped', verdict: 'pass' }]);
});

t.test(
  'a guest that runs one program takes those that are skipped before it, and leaves the rest',
  async (t) => {
    const { results } = await run(t, { a: 'exit 0', b: 'exit 0', c: 'exit 0' }, { most: 1 });
    t.match(results, [
      { name: 'a', verdict: 'pass' },
      { name: 'b', verdict: 'lost', reason: 'no result arrived: the suite ended with exit code 0' },
      { name: 'c', verdict: 'lost' },
    ]);
    const unsupported = { unsupported: { 6.12: 'not there' } };
    const skipped = await run(t, { a: 'exit 0', b: 'exit 0' }, { most: 1, ...unsupported });
    t.match(skipped.results, [{ verdict: 'skip' }, { verdict: 'skip' }]);
  },
);

t.test('a program that prints TAP or KTAP is a parent with its subtests', async (t) => {
  const { results, text } = await run(t, {
    ktap: 'echo KTAP version 1; echo 1..2; echo "ok 1 reads"; echo expected 5, got 4 >&2; echo "not ok 2 writes"; exit 1',
    tap13: 'echo TAP version 13; echo 1..2; echo "ok 1 - opens"; echo "ok 2 # SKIP no device"',
    wrong: 'echo 1..1; echo "ok 1 - a"; exit 5',
    short: 'echo TAP version 13; echo 1..3; echo "ok 1 - a"',
  });
  t.match(
    results.map(({ name, verdict, reason = '' }) => [name, verdict, reason]),
    [
      ['ktap > reads', 'pass', ''],
      ['ktap > writes', 'fail', ''],
      ['tap13 > opens', 'pass', ''],
      ['tap13 > #2', 'skip', 'no device'],
      ['wrong > a', 'pass', ''],
      ['wrong', 'fail', 'exit code 5'],
      ['short > a', 'pass', ''],
      ['short > #2', 'lost', /planned|missing|no result/],
      ['short > #3', 'lost', /planned|missing|no result/],
    ],
  );
  t.equal(results.length, 9, 'results');
  t.match(results[1]?.detail, /stderr: expected 5, got 4/, text.slice(0, 900));
});

t.test('a program that says in TAP that it is skipped may end with the code of a skip', async (t) => {
  const head = 'echo "TAP version 13"; ';
  const { results, failed } = await run(t, {
    none: `${head}echo "1..0 # SKIP no cachestat"; exit 4`,
    all: `${head}echo "1..1"; echo "ok 1 a # SKIP no huge pages"; exit 4`,
    ran: `${head}echo "1..2"; echo "ok 1 a"; echo "ok 2 b # SKIP"; exit 4`,
  });
  t.match(results, [
    { name: 'none', verdict: 'skip', reason: 'no cachestat' },
    { name: 'all > a', verdict: 'skip', reason: 'no huge pages' },
    { name: 'ran > a', verdict: 'pass' },
    { name: 'ran > b', verdict: 'skip' },
    { name: 'ran', verdict: 'fail', reason: 'exit code 4' },
  ]);
  t.equal(failed, 1, 'failed programs');
});

t.test(
  'results without numbers, in colours and behind carriage returns are those of the program',
  async (t) => {
    const { results } = await run(t, {
      'plan-last': 'echo "ok - a"; echo "not ok - b"; echo 1..2; exit 1',
      colours: String.raw`printf "\033[31mnot ok 1 - c\033[0m\n1..1\n"; echo why >&2; exit 1`,
      progress: String.raw`printf "10%%\r90%%\r1..1\r\nok 1 - d\r\n"`,
      prose: 'echo "ok so far"; echo done',
      'prose-first': 'echo "ok so far"; echo TAP version 13; echo 1..1; echo ok 1 e',
    });
    t.match(results, [
      { name: 'plan-last > a', verdict: 'pass' },
      { name: 'plan-last > b', verdict: 'fail' },
      { name: 'colours > c', verdict: 'fail', detail: /why/ },
      { name: 'progress > d', verdict: 'pass' },
      { name: 'prose', verdict: 'pass', detail: /done/ },
      { name: 'prose-first > e', verdict: 'pass' },
    ]);
    t.equal(results.length, 6, 'results');
  },
);

t.test('of a program of which only TAP counts, results without numbers or a plan are read', async (t) => {
  const scripts = { bare: 'echo "ok - a"; echo "not ok - b"; exit 1' };
  const { results } = await run(t, scripts, { convention: undefined, tapFirst: true });
  t.match(results, [
    { name: 'bare > a', verdict: 'pass' },
    { name: 'bare > b', verdict: 'fail' },
  ]);
});

t.test('what a program writes to standard error beside a failed test is evidence of that test', async (t) => {
  const { results } = await run(t, {
    asserts:
      'echo TAP version 13; echo 1..2; echo ok 1 a; echo "# t.c:7: expected 3, got 5" >&2; echo not ok 2 b; exit 1',
  });
  t.match(results, [
    { name: 'asserts > a', verdict: 'pass' },
    { name: 'asserts > b', verdict: 'fail', detail: /t\.c:7: expected 3, got 5/ },
  ]);
});

t.test('output that looks like TAP decides nothing where the exit code is asked for', async (t) => {
  const { results } = await run(t, { odd: 'echo "ok 1 - a"; exit 1' }, { tapFirst: false });
  t.match(results, [{ name: 'odd', verdict: 'fail', reason: /exit code 1/, detail: /ok 1 - a/ }]);
  t.equal(results.length, 1, 'results');
});

t.test('a program of which only TAP counts, and that prints none, fails', async (t) => {
  const { convention: _unset, ...tapOnly } = { convention: undefined, tapFirst: false };
  const { results } = await run(t, { mute: 'echo hello' }, { ...tapOnly, convention: undefined } as never);
  t.match(results, [{ name: 'mute', verdict: 'fail', reason: /printed no TAP, exit code 0/ }]);
});

t.test(
  'at its deadline a program is killed with its whole process group, and the next one runs',
  async (t) => {
    const { results, home, stuck } = await run(
      t,
      { hangs: 'sleep 3600 & echo $! >child; wait', next: 'exit 0' },
      { timeoutMs: 400 },
    );
    t.match(results, [
      {
        name: 'hangs',
        verdict: 'timeout',
        reason: /still running after 0.4 s/,
        detail: /kernel: [\s\S]*state S/,
      },
      { name: 'next', verdict: 'pass' },
    ]);
    t.equal(stuck, undefined, 'a program that cannot be ended');
    t.notOk(existsSync(`/proc/${readFileSync(join(home, 'child'), 'utf8').trim()}`), 'child of the program');
  },
);

t.test('what a program leaves running in its group is ended with it', async (t) => {
  const { results, home } = await run(t, { parent: 'sleep 3600 >/dev/null 2>&1 & echo $! >child' });
  t.match(results, [{ name: 'parent', verdict: 'pass' }]);
  t.notOk(existsSync(`/proc/${readFileSync(join(home, 'child'), 'utf8').trim()}`), 'child of the program');
});

t.test('a program that prints without end is ended; the ends of its output are kept', async (t) => {
  const { results, text } = await run(t, { flood: 'echo begin; exec yes' }, { timeoutMs: 120_000 });
  t.match(results, [
    { name: 'flood', verdict: 'fail', reason: /ended after 16 MiB of output/, detail: /begin/ },
  ]);
  t.ok(text.length < 200_000, `characters of the report: ${text.length}`);
});

t.test('arguments, environment and working folder are those of the program', async (t) => {
  const script = 'echo "$1|$COLOUR|$PWD"';
  const { results, home } = await run(t, { show: script }, { args: ['a b'], env: { COLOUR: 'red' } });
  t.match(results[0]?.detail, `a b|red|${home}`);
});

t.test('a program that cannot be started fails with the cause', async (t) => {
  const { results } = await run(t, { odd: '' }, {});
  t.match(results, [{ verdict: 'pass' }], 'an empty script');
  const home = t.testdir({ script: '#!/no/such/interpreter\n' });
  chmodSync(join(home, 'script'), 0o755);
  let text = '';
  const tap = new TapWriter((piece) => {
    text += piece;
  });
  const program = { name: 'script', args: [], timeoutMs: 1000, tapFirst: true };
  await runPrograms({ env: {}, programs: [program] }, { home, libraries: '', release: '6.1', tap });
  t.match(
    text,
    /not ok 1 - script[\s\S]*cannot be started: the guest has no \/no\/such\/interpreter, the interpreter/,
  );
});

t.test(
  'excluded programs and those that a kernel release does not support are skipped with the reason',
  async (t) => {
    const { results } = await run(t, { first: 'exit 1', second: 'exit 1' }, { skip: 'needs two sockets' });
    t.match(results, [
      { name: 'first', verdict: 'skip', reason: 'needs two sockets' },
      { name: 'second', verdict: 'skip' },
    ]);
    const program: GuestProgram = {
      name: 'p',
      args: [],
      timeoutMs: 1,
      tapFirst: true,
      unsupported: { '6.1': 'no futex on 6.1' },
    };
    t.match(reasonToSkip(program, '6.1.170'), 'no futex on 6.1');
    t.match(reasonToSkip(program, '6.1-rc3'), /no futex/);
    t.equal(reasonToSkip(program, '6.12.1'), undefined, 'reason on 6.12');
  },
);
