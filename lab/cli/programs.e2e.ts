/** A folder of programs as one suite in real guests: results, deadlines, a crash, and the fresh guest after it. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findProgram } from '../core/program.ts';
import type { CellSpec } from '../model/cell.ts';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

/** Shell scripts by name; they run in this order. */
const PROGRAMS = {
  'a-pass.t': 'echo fine',
  'b-skip.t': 'echo "skipped: no such device"; exit 77',
  'c-ktap.t':
    'echo KTAP version 1; echo 1..2; echo ok 1 reads; echo expected 5, got 4 >&2; echo not ok 2 writes; exit 1',
  'd-hang.t': 'sleep 1000 & wait',
  'e-files.t':
    '[ -L data/link ] && [ "$(cat data/link)" = hello ] && ./git --version | grep -q "git version"',
  'f-device.t': 'dd if="$1" of=/dev/null bs=4k count=1 && [ "$COLOUR" = red ]',
  'g-panic.t': 'echo before; echo c >/proc/sysrq-trigger; sleep 100',
  'h-after.t': 'exit 0',
  'i-metrics.t': `echo TAP version 14; echo ok 1 - reads; echo '  ---'; echo '  metrics: [{ name: latency, value: 12.5, unit: us, better: lower }]'; echo '  ...'; echo 1..1`,
  'z-long.t': 'exit 1',
};

const YAML = `name: folder
programs:
  include: ['*.t']
  exclude: { z-long.t: needs an hour }
  timeouts: { d-hang.t: 3 }
  args: { f-device.t: [/dev/nvme0n1] }
env: { COLOUR: red }
files: [data, git]
`;

function makeSuite(t: Test): string {
  const dir = t.testdir({ 'suite.yaml': YAML });
  for (const [name, text] of Object.entries(PROGRAMS)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(dir, name), 0o755);
  }
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'data/real'), 'hello');
  symlinkSync('real', join(dir, 'data/link'));
  // Linked with more than guests have.
  copyFileSync(findProgram('git') ?? '', join(dir, 'git'));
  return dir;
}

t.test('each program has its result, and a fresh guest takes those after a panic', async (t) => {
  const dir = makeSuite(t);
  const out = join(dir, 'run');
  const { code, stdout, stderr } = await ringlab(['run', '--suite', dir, '--out', out, '--json']);
  t.equal(code, 1, stderr.slice(-2000));
  const { cells } = JSON.parse(stdout) as RunRecord;
  t.equal(cells.length, 1, 'cells');
  const [cell] = cells;
  const verdicts = Object.fromEntries((cell?.tests ?? []).map(({ name, verdict }) => [name, verdict]));
  t.same(verdicts, {
    'a-pass.t': 'pass',
    'b-skip.t': 'skip',
    'c-ktap.t > reads': 'pass',
    'c-ktap.t > writes': 'fail',
    'd-hang.t': 'timeout',
    'e-files.t': 'pass',
    'f-device.t': 'pass',
    'g-panic.t': 'crash',
    'h-after.t': 'pass',
    'i-metrics.t > reads': 'pass',
    'z-long.t': 'skip',
  });
  const resultOf = (name: string) => cell?.tests.find((test) => test.name === name);
  t.match(resultOf('b-skip.t'), { reason: /no such device/ });
  t.match(resultOf('c-ktap.t > writes'), { detail: /expected 5, got 4/ });
  t.match(resultOf('d-hang.t'), { reason: /still running after 3 s/, detail: /state S/ });
  t.match(resultOf('g-panic.t'), { reason: /sysrq triggered crash/ });
  t.match(resultOf('z-long.t'), { reason: 'needs an hour' });
  t.match(cell, {
    verdict: 'crash',
    metrics: [{ name: 'i-metrics.t-reads.latency', value: 12.5, unit: 'us' }],
    attempts: [
      { attempt: 1, verdict: 'crash' },
      { attempt: 2, verdict: 'done' },
    ],
  });
  // The last result before the panic may still be on its way when the kernel dies: then its program runs again.
  const isSure = (name: string) => name !== 'f-device.t';
  const rest = ['h-after.t', 'i-metrics.t', 'z-long.t'];
  t.same(cell?.attempts[0]?.notBegun?.filter(isSure), rest);
  const spec = cell?.attempts[1]?.artefacts.find(({ kind }) => kind === 'spec')?.file ?? '';
  const { tests } = JSON.parse(readFileSync(join(out, spec), 'utf8')) as CellSpec;
  t.same(tests?.filter(isSure), rest);
});

t.test('two guests share the programs of a single cell', async (t) => {
  const dir = t.testdir({});
  for (let index = 0; index < 40; index++) {
    const path = join(dir, `p${index}`);
    writeFileSync(path, `#!/bin/sh\nexit ${index === 7 ? 1 : 0}\n`);
    chmodSync(path, 0o755);
  }
  const out = join(dir, 'run');
  const options = ['--suite', dir, '--jobs', '2', '--out', out, '--json'];
  const { code, stdout, stderr } = await ringlab(['run', ...options]);
  t.equal(code, 1, stderr.slice(-2000));
  const { cells } = JSON.parse(stdout) as RunRecord;
  t.match(cells, [{ verdict: 'done', attempts: [{ shard: 1 }, { shard: 2 }] }]);
  t.equal(cells[0]?.tests.length, 40, 'tests');
  t.same(
    cells[0]?.tests.filter(({ verdict }) => verdict !== 'pass').map(({ name }) => name),
    ['p7'],
  );
});
