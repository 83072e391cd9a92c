/** `ringlab results` as a user calls it. */
import { join } from 'node:path';
import t from 'tap';
import { idOf, writeRun } from '../../history/testing/runs.ts';
import { ringlab } from '../testing/ringlab.ts';

const HOSTILE = 'evil\u001b[31m\nforged line';

async function someRuns(dir: string): Promise<void> {
  for (let number = 0; number < 14; number++)
    await writeRun(dir, number, {
      base: { healthy: 'pass', breaks: number < 9 ? 'pass' : 'fail', [HOSTILE]: 'fail' },
      metrics: { 'read.cost': number < 7 ? 1000 : 1010 },
    });
}

t.test('the verbs answer in text and JSON, and diff exits with 1 until a test is ignored', async (t) => {
  const dir = t.testdir({ runs: {} });
  await someRuns(join(dir, 'runs'));
  const env = { RINGLAB_STORE: join(dir, 'history.db'), NO_COLOR: '1' };
  const results = (...args: string[]) => ringlab(['results', ...args], { env, cwd: dir });
  const json = async (...args: string[]) => JSON.parse((await results(...args, '--json')).stdout);

  t.match(await results('list'), { code: 0, stdout: /no run yet: ringlab results import/ });
  t.match(await results('import'), { code: 0, stdout: '14 runs added, 0 replaced, 0 unchanged\n' });
  t.match(await json('import'), { added: [], unchanged: 14 });
  t.match(await json('list', '--last', '2'), { runs: [{ id: idOf(13) }, { id: idOf(12) }] });

  const { stdout } = await results('test', 'breaks');
  t.match(
    stdout,
    /\n {2}fails since run-09 \(2026-01-10 02:00, debian-6\.12\)\n {2}passed last in run-08 .*\n {2}\.{9}F{5}\n/,
  );
  t.match((await results('metric', 'cost')).stdout, /\n {2}\^ run-07 .*: 1000 to 1010, \+1\.00%, worse\n/);
  t.match(await json('metric', 'cost'), { metrics: [{ changes: [{ index: 7, at: { run: idOf(7) } }] }] });
  t.match(await json('show', 'latest'), {
    run: { id: idOf(13) },
    failing: [{ failsSince: { run: idOf(9) } }, {}],
  });

  t.match(await results('diff', idOf(0), 'latest'), {
    code: 1,
    stdout: /\nregressions: 1\n {2}plain\/passthrough: breaks /,
  });
  t.match(await results('note', 'breaks', '--kind', 'ignored', '--reason', 'known disk'), { code: 0 });
  t.match(await results('diff', idOf(0), 'latest'), {
    code: 0,
    stdout: /\nignored: 1\n.*\[ignored: known disk\]/,
  });

  const hostile = await results('test', 'evil');
  t.notMatch(hostile.stdout, /\u001b|^forged/m, 'a name makes no line and no escape sequence');
});

t.test('wrong input exits with 2 and says what is there', async (t) => {
  const dir = t.testdir();
  const env = { RINGLAB_STORE: join(dir, 'history.db') };
  const results = (...args: string[]) => ringlab(['results', ...args], { env, cwd: dir });
  t.match(await results('show', 'nothing'), { code: 2, stderr: /no run "nothing"/ });
  t.match(await results('test', 'nothing'), { code: 2, stderr: /no test "nothing"/ });
  t.match(await results('note', 'a'), { code: 2, stderr: /--kind is missing[\s\S]*--reason is missing/ });
  t.match(await results('note', '--remove', '1234'), { code: 2, stderr: /no note 1234/ });
  t.match(await results('list', '--store', 'mysql://x/y'), {
    code: 2,
    stderr: /"mysql:\/\/x\/y" is no store/,
  });
});
