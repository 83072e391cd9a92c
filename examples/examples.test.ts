/** The scripts as their users start them, on a fake kernel that is really configured and compiled. No guest is booted. */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { WITHOUT_HOOKS } from '../bin/testing/env.ts';
import { FakeTree } from '../lab/api/testing/kernel.ts';
import { processesWith } from '../lab/cli/testing/ringlab.ts';
import { run, start } from '../lab/core/process.ts';
import { narrow } from './narrow.mjs';

const dir = t.testdir({ cache: {}, tmp: {}, garbage: 'not a patch at all\n' });
const env = {
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? '',
  RINGLAB_CACHE: join(dir, 'cache'),
  TMPDIR: join(dir, 'tmp'),
};
const file = (name: string) => join(import.meta.dirname, `${name}.mjs`);
const [unset, ...hooks] = WITHOUT_HOOKS;
const command = (name: string, args: readonly string[]) => [...hooks, process.execPath, file(name), ...args];
const example = (name: string, ...args: string[]) =>
  run(unset, command(name, args), { accept: 'any', cwd: dir, env, cleanEnv: true });

const fake = new FakeTree(join(dir, 'kernel'));
const base = fake.commit('base', { 'drivers/b.c': 'int b(void) { return 0; }\n' });
for (const number of [1, 2, 3, 4, 5]) {
  const wrong = number < 4 ? '' : 'nonsense';
  fake.commit(`fake: step ${number}`, { 'drivers/c.c': `int c(void) { return ${number} ${wrong}; }\n` });
}
const tip = (await run('git', ['-C', fake.tree, 'rev-parse', 'HEAD'])).stdout.trim();
const mbox = await fake.mbox(base, 'steps');
await fake.reset(base);

t.test('every script has help, and ends with 2 for arguments that are wrong', async (t) => {
  const check = async (name: string) => {
    const help = await example(name, '--help');
    t.match(help, { code: 0, stdout: new RegExp(`Usage: node examples/${name}.mjs`), stderr: '' });
    t.match(help.stdout, /Exit code: 0 /);
    const wrong = await example(name, '--nonsense');
    t.match(wrong, { code: 2, stdout: '', stderr: /'--nonsense'/ });
    t.notMatch(wrong.stderr, /\n {4}at /, 'no stack');
  };
  await Promise.all(['night', 'configs', 'bisect'].map(check));
  const wrong: [string[], RegExp][] = [
    [['night'], /no series is named/],
    [['night', '--guest', 'moon', '--dry-run', mbox], /"moon"/],
    [['configs', '--config', 'moon', '--config', 'mars'], /"moon"[\s\S]*"mars"/],
    [['configs', '--kernel', 'a', '--tree', 'b'], /two kernels are named/],
    [['bisect'], /no series or range is named[\s\S]*no test is named/],
    [['bisect', '--build-only', 'a..b'], /a range without a tree/],
    [['bisect', '--build-only', '--tree', fake.tree, 'a..b'], /a\.\.b/],
    [['bisect', '--build-only', '--tree', fake.tree, 'HEAD..HEAD'], /no commit/],
  ];
  const results = await Promise.all(wrong.map(([[name = '', ...args]]) => example(name, ...args)));
  for (const [index, [args, message]] of wrong.entries())
    t.match(results[index], { code: 2, stderr: message }, args.join(' '));
});

t.test('night: a dry run prints the cells of each series and keeps nothing', async (t) => {
  const where = ['--guest', 'plain', '--suite', 'passthrough', '--accel', 'tcg'];
  const { code, stdout } = await example('night', '--dry-run', ...where, 'sqe-group', mbox);
  t.equal(code, 0);
  t.match(
    stdout,
    /^sqe-group: debian-6\.12, debian-6\.12\+sqe-group\n {2}debian-6\.12\/plain\/passthrough$/m,
  );
  t.match(stdout, /^fake: step 1: /m);
  t.notOk(existsSync(join(env.RINGLAB_CACHE, 'series')), 'no series is saved');
});

t.test('night: goes on when a series cannot be read, and mails one summary', async (t) => {
  const sendmail = join(dir, 'sendmail');
  writeFileSync(sendmail, `#!/bin/sh\necho "$@" >${dir}/mail.args\nexec cat >${dir}/mail\n`);
  chmodSync(sendmail, 0o755);
  const out = join(dir, 'night');
  const mail = ['--mail', 'dev@ringlab.example', '--sendmail', sendmail];
  const result = await example('night', '--out', out, ...mail, join(dir, 'garbage'), 'moon');
  t.match(result, { code: 2, stdout: `${out}/summary.md\n`, stderr: /^2 of 2: moon$/m });
  const summary = readFileSync(join(out, 'summary.md'), 'utf8');
  t.match(summary, /^\| .*garbage \| NOT READ \|/m);
  t.match(summary, /^\| moon \| NOT READ \|/m);
  t.match(summary, /^## .*garbage\n\n```\n.*neither a patch nor an mbox/m);
  t.equal(readFileSync(join(dir, 'mail.args'), 'utf8'), '-t\n');
  const message = readFileSync(join(dir, 'mail'), 'utf8');
  t.match(message, /^To: dev@ringlab\.example\nSubject: ringlab: NOT READ\n/);
  t.ok(message.endsWith(summary));
});

t.test('configs: a dry run prints the fragments, and a build prints a row for each kernel', async (t) => {
  const tree = ['--tree', fake.tree, '--accel', 'tcg'];
  const dry = await example('configs', ...tree, '--dry-run');
  t.equal(dry.code, 0, dry.stderr);
  t.equal(dry.stdout.match(/\/plain\/passthrough$/gm)?.length, 10, 'cells');
  t.match(dry.stdout, /^hz-1000\nCONFIG_HZ_1000=y\n/m);

  const chosen = ['usual', 'preempt', 'hz-1000'].flatMap((name) => ['--config', name]);
  const built = await example('configs', ...tree, '--build-only', ...chosen);
  t.match(built, { code: 0, stdout: /^usual .*\npreempt .*\nhz-1000 +\d+ s +-/m });
  const again = await example('configs', ...tree, '--build-only', ...chosen);
  t.equal(again.stdout.match(/ s, cached/g)?.length, 3, 'kernels that were built before');

  const broken = ['--series', mbox, '--config', 'usual'];
  t.match(await example('configs', ...tree, ...broken, '--build-only'), {
    ...{ code: 1, stdout: /^usual +build-failed .*does not build: drivers\/c\.c/m },
  });
  t.same(readdirSync(env.TMPDIR), [], 'the fragments are removed');
});

t.test(
  'bisect: finds the first patch of a series, and the first commit of a range, that breaks the build',
  async (t) => {
    const source = ['--tree', fake.tree, '--base', base];
    const dry = await example('bisect', '--dry-run', '--build-only', ...source, mbox);
    t.match(dry, {
      code: 0,
      stdout: /^without .*\n1\/5 fake: step 1\n[\s\S]*\n5 candidates, about 3 trials/,
    });

    const patch = await example('bisect', '--build-only', ...source, mbox);
    t.match(patch, { code: 0, stdout: '4/5 fake: step 4\n' });
    t.ok((patch.stderr.match(/^(good|bad): /gm) ?? []).length <= 5, patch.stderr);

    const commit = await example('bisect', '--build-only', '--tree', fake.tree, `${base}..${tip}`);
    t.match(commit, { code: 0, stdout: /^[0-9a-f]{12} fake: step 4\n$/ });

    const sound = await example('bisect', '--build-only', '--tree', fake.tree, `${base}..${tip}~2`);
    t.match(sound, { code: 1, stdout: '', stderr: /nothing to find/ });
  },
);

t.test(
  'bisect: a candidate that cannot be judged is passed over, and named when it may be the culprit',
  async (t) => {
    const judged: number[] = [];
    const search = (firstBad: number, skipped: readonly number[]) =>
      narrow(10, async (candidate) => {
        judged.push(candidate);
        if (skipped.includes(candidate)) return 'skip';
        return candidate < firstBad ? 'good' : 'bad';
      });
    for (let firstBad = 1; firstBad <= 10; firstBad++) {
      judged.length = 0;
      t.same(await search(firstBad, []), [firstBad]);
      t.ok(judged.length <= 4 && new Set(judged).size === judged.length, `judged ${judged}`);
      t.notOk(judged.includes(0) || judged.includes(10), 'the ends are known');
    }
    t.same(await search(7, [5]), [7], 'far from the culprit');
    t.same(await search(7, [5, 6]), [5, 6, 7], 'right before the culprit');
    t.same(await search(6, [4, 6]), [6, 7], 'the culprit itself');
  },
);

t.test('a killed script leaves no compiler running, and an interrupted script exits with 130', async (t) => {
  const slow = fake.commit('fake: compile slowly', { 'drivers/s.c': '/* slow: 60 */\nint s;\n' });
  const args = ['--build-only', '--config', 'usual', '--tree', fake.tree, '--base', slow];
  const cache = join(dir, 'slow');
  for (const [signal, code] of [
    ['SIGKILL', null],
    ['SIGINT', 130],
  ] as const) {
    const child = start(unset, command('configs', args), {
      ...{ cwd: dir, env: { ...env, RINGLAB_CACHE: cache }, cleanEnv: true },
    });
    const compiling = () => processesWith(cache).some((line) => line.includes('sleep 60'));
    for (let left = 300; left > 0 && !compiling(); left--) await delay(100);
    t.ok(compiling(), 'the compiler runs');
    process.kill(child.pid, signal);
    t.match(await child.ended, { code });
    for (let left = 100; left > 0 && processesWith(cache).length > 0; left--) await delay(100);
    t.same(processesWith(cache), [], `processes after ${signal}`);
  }
  await fake.reset(base);
});
