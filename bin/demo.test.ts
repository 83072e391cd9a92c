/** The demo, with a ringlab that notes its calls. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { plainEnv, WITHOUT_HOOKS } from './testing/env.ts';

const checkout = join(import.meta.dirname, '..');

/** Ends with the code in `$FAIL` (VERB=CODE); `run` waits for a signal when `$WAIT` names a file, and notes there which came. */
const FAKE = `#!/usr/bin/env node
import { appendFileSync, writeFileSync } from 'node:fs';
const args = process.argv.slice(2);
appendFileSync('calls', args.join(' ') + '\\n');
const [verb, code] = (process.env.FAIL ?? '').split('=');
if (args[0] === verb) process.exit(Number(code));
if (args[0] === 'report' && args.includes('json')) writeFileSync(args.at(-1), '{ "comparison": { "fixed": 2, "new": 1, "regressed": 0 } }');
if (args[0] === 'run' && process.env.WAIT) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      appendFileSync(process.env.WAIT, signal + '\\n');
      setTimeout(() => process.exit(130), 300);
    });
  console.error('waiting as ' + process.pid);
  setInterval(() => {}, 1000);
}`;

function project(t: Test) {
  const dir = t.testdir({
    'package.json': '{ "type": "module" }',
    bin: { 'ringlab.mjs': FAKE },
    kernels: {
      series: {
        'my-series': { 'series.yaml': 'guests: [plain, swiotlb]\nsuites: [passthrough]\nneeds: fixes\n' },
      },
    },
  });
  cpSync(join(checkout, 'bin/demo.mjs'), join(dir, 'bin/demo.mjs'));
  symlinkSync(join(checkout, 'node_modules'), join(dir, 'node_modules'));
  const start = (args: readonly string[], env: Record<string, string> = {}) => {
    const [command, ...words] = [...WITHOUT_HOOKS, process.execPath, 'bin/demo.mjs', ...args];
    return spawn(command, words, { cwd: dir, env: { ...plainEnv, ...env } });
  };
  const demo = async (args: readonly string[], env?: Record<string, string>) => {
    const child = start(args, env);
    const code = new Promise<number | null>((resolve) => void child.once('close', resolve));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, stdout, stderr };
  };
  const calls = () => readFileSync(join(dir, 'calls'), 'utf8').trimEnd().split('\n');
  return { dir, start, demo, calls };
}

/** A demo whose `run` waits for a signal: the demo, and the process ID of its ringlab. */
async function waitingDemo(t: Test) {
  const { dir, start } = project(t);
  const signals = join(dir, 'signals');
  const child = start(['my-series'], { WAIT: signals });
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  let stderr = '';
  const pid = await new Promise<number>((resolve) =>
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      const match = /waiting as (\d+)/.exec(stderr);
      if (match) resolve(Number(match[1]));
    }),
  );
  const received = () => (existsSync(signals) ? readFileSync(signals, 'utf8') : '');
  return { child, exited, pid, received, stderr: () => stderr };
}

t.test(
  'a series is exported, imported, run on its guests and reported; the demo ends with its numbers',
  async (t) => {
    const { demo, calls } = project(t);
    const { code, stdout, stderr } = await demo(['my-series']);
    t.equal(code, 0, stderr);
    t.match(
      stdout,
      /^\nDemo: my-series: 2 fixed, 1 new, 0 regressed, in 0\.\d minutes\.\n +Record: runs\/demo-my-series-[\dTZ-]+\n +Page: runs\/demo-my-series-[\dTZ-]+\/report\.html\n$/,
    );
    t.match(stderr, /\n\$ ringlab series export my-series --out \S+\/my-series\.mbox\n/);
    t.match(calls(), [
      /^series export my-series --out \S+my-series\.mbox$/,
      /^series import \S+my-series\.mbox --name demo --needs fixes$/,
      /^run --series demo --guest plain --guest swiotlb --suite passthrough --out runs\/demo-my-series-\S+$/,
      /^report runs\/demo-my-series-\S+ --format json --out \S+my-series\.json$/,
      /^report (runs\/demo-my-series-\S+) --format html --out \1\/report\.html$/,
    ]);
    const mbox = /--out (\S+)/.exec(calls()[0] ?? '')?.[1] ?? '';
    t.notOk(existsSync(join(mbox, '..')), 'the temporary folder is removed');
  },
);

t.test('a step that fails ends the demo with its exit code', async (t) => {
  for (const [fail, message] of [
    ['run=1', 'demo: ringlab run ended with code 1\n'],
    ['series=2', 'demo: ringlab series ended with code 2\n'],
  ] as const) {
    const { demo } = project(t);
    const { code, stdout, stderr } = await demo(['my-series'], { FAIL: fail });
    t.same({ code, stdout }, { code: Number(fail.at(-1)), stdout: '' });
    t.ok(stderr.endsWith(message), stderr);
  }
});

t.test('a series.yaml that cannot be read ends the demo with code 3', async (t) => {
  const { dir, demo } = project(t);
  writeFileSync(join(dir, 'kernels/series/my-series/series.yaml'), 'guests: [plain');
  t.match(await demo(['my-series']), { code: 3, stderr: /^demo: / });
  rmSync(join(dir, 'kernels'), { recursive: true });
  t.match(await demo(['my-series']), { code: 3, stderr: /^demo: ENOENT/ });
});

t.test('a name without a series ends with code 2 and the names that exist', async (t) => {
  t.match(await project(t).demo(['other']), {
    code: 2,
    stderr: 'demo: kernels/series has no series "other", but my-series\n',
  });
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`${signal} reaches ringlab once, and the demo ends with ringlab’s code 130`, async (t) => {
    const { child, exited, received, stderr } = await waitingDemo(t);
    child.kill(signal);
    t.same(await exited, { code: 130, signal: null });
    t.equal(received(), `${signal}\n`, 'signals that ringlab received');
    t.match(stderr(), 'demo: ringlab run ended with code 130');
  });
}

t.test('ringlab is ended by SIGTERM when the demo is killed', async (t) => {
  const { child, exited, pid, received } = await waitingDemo(t);
  child.kill('SIGKILL');
  t.same(await exited, { code: null, signal: 'SIGKILL' });
  for (let tries = 0; tries < 100 && existsSync(`/proc/${pid}`); tries++) await sleep(50);
  t.notOk(existsSync(`/proc/${pid}`), 'the process of ringlab is gone');
  // Once for each thread of the demo that the kernel made its parent on the way (prctl(2), PR_SET_PDEATHSIG).
  t.match(received(), /^(SIGTERM\n)+$/);
});
