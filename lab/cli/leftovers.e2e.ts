/** Tests and programs that leave something behind in a real guest: each is named, and no other. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { render } from '../../reports/index.ts';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

const dir = t.testdir();

const SUITE = `import { spawn } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { suite, test } from 'ringlab/suite';
suite('leftovers', { devices: ['data'] }, () => {
  const clean = (name) => test(name, (t) => { t.equal(1, 1, 'one'); });
  clean('clean');
  test('files', (t) => {
    openSync(t.device('data').char, 'r+');
    openSync(t.device('data').char, 'r+');
  });
  clean('clean after files');
  test('taint', () => {
    writeFileSync('/proc/sys/kernel/tainted', '512');
  });
  clean('clean after taint');
  test('memory', () => {
    for (let number = 0; number < 2500; number++) mkdirSync('/sys/fs/cgroup/leak-' + number);
  });
  clean('clean after memory');
  test('blocked', async (t) => {
    const { block } = t.device('data');
    // One request a second, also after the test: its reader waits in the kernel.
    await t.lab.host.throttle(t.device('data').info.drive, 1);
    const read = ['if=' + block, 'of=/dev/null', 'bs=512', 'count=40', 'iflag=direct'];
    spawn('/bin/busybox', ['dd', ...read], { stdio: 'ignore', detached: true }).unref();
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  clean('clean after blocked');
});
`;

function makeSuite(): string {
  const folder = join(dir, 'leftovers');
  mkdirSync(folder);
  writeFileSync(join(folder, 'suite.yaml'), 'name: leftovers\nguests: [plain]\n');
  writeFileSync(join(folder, 'index.ts'), SUITE);
  return folder;
}

function makePrograms(): string {
  const folder = join(dir, 'programs');
  mkdirSync(folder);
  const bodies = { clean: 'true', taint: 'echo 512 >/proc/sys/kernel/tainted', later: 'true' };
  for (const [name, body] of Object.entries(bodies)) {
    writeFileSync(join(folder, `${name}.t`), `#!/bin/sh\n${body}\n`);
    chmodSync(join(folder, `${name}.t`), 0o755);
  }
  return join(folder, '*.t');
}

t.test('what tests and programs leave behind is in the record and in reports', async (t) => {
  const out = join(dir, 'run');
  const args = ['run', '--guest', 'plain', '--suite', makeSuite(), '--suite', makePrograms()];
  const { code, stdout, stderr } = await ringlab([...args, '--out', out, '--json']);
  t.equal(code, 0, stderr.slice(-2000));
  const record = JSON.parse(stdout) as RunRecord;
  const left = record.cells.flatMap(({ tests }) =>
    tests.flatMap(({ name, leftovers }) => (leftovers ? [[name, leftovers.join('; ')]] : [])),
  );
  t.match(Object.fromEntries(left), {
    files: /^open files: 2 x \/dev\/ng0n1$/,
    taint: 'a tainted kernel: W (a warning)',
    memory: /^\d+\.\d MiB of slab memory \(.*MiB.*\)/,
    blocked: /^a task in state D: \d+ \((busybox|dd)\)$/,
    'taint.t': 'a tainted kernel: W (a warning)',
  });
  t.equal(left.length, 5, 'no other test left anything');
  const text = render('text', { record, comparison: undefined });
  t.match(text, /left something behind \(5\)\n {2}plain\/leftovers: files\n {6}open files: 2 x/);
});
