/** Tests whose agent hangs in the kernel, guests whose kernel hangs, and runs that are interrupted. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { processesWith, ringlab, startRinglab } from './testing/ringlab.ts';

const dir = t.testdir();

/** A suite of the user with this body, whose own deadline is far longer than the tests' should be. */
function makeSuite(name: string, body: string): string {
  const folder = join(dir, name);
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'suite.yaml'),
    `name: ${name}\nguests: [plain]\ntimeoutSeconds: 600\ntestTimeoutSeconds: 4\n`,
  );
  writeFileSync(
    join(folder, 'index.ts'),
    `import { openSync, readSync, writeFileSync } from 'node:fs';
import { suite, test, throttled } from 'ringlab/suite';
suite('${name}', { devices: ['data'] }, () => {
  test('the first test passes', (t) => t.equal(1, 1, 'one'));
${body}
  test('the last test passes', (t) => t.equal(1, 1, 'one'));
});
`,
  );
  return folder;
}

const recordOf = (out: string) => JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as RunRecord;

t.test(
  'a test whose agent is in state D costs its own deadline, and shows where the kernel waits',
  async (t) => {
    const suite = makeSuite(
      'hangs',
      `  test('a read of a drive that answers once a second ends', async (t) => {
    await throttled(t, t.device('data'), 1);
    readSync(openSync(t.device('data').block, 'r'), Buffer.alloc(64 << 20));
  });`,
    );
    const out = join(dir, 'hangs-run');
    const { code, stderr } = await ringlab(['run', '--guest', 'plain', '--suite', suite, '--out', out]);
    t.equal(code, 1, stderr);
    const [cell] = recordOf(out).cells;
    t.match(cell, {
      verdict: 'timeout',
      reason: /^the agent hung with a test: .*deadline is 4 s: a read of a drive/,
    });
    t.match(cell?.tests, [
      { name: /first/, verdict: 'pass' },
      {
        name: /a read of a drive/,
        verdict: 'timeout',
        detail: /Show Blocked State[\s\S]*state:D[\s\S]*io_schedule/,
      },
      { name: /last/, verdict: 'pass' },
    ]);
    t.match(cell?.attempts, [{ verdict: 'timeout', notBegun: [/last/] }, { verdict: 'done' }]);
    t.same(cell?.complaints, [], 'complaints: what the kernel was asked for is none');
    t.ok((cell?.attempts[0]?.timings.totalMs ?? 0) < 300_000, 'ms of the attempt, of a suite with 600 s');
  },
);

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`a run that ${signal} interrupts keeps its finished tests and leaves nothing behind`, async (t) => {
    const suite = makeSuite(
      `waits-${signal.toLowerCase()}`,
      "  test('the second test waits', () => new Promise((resolve) => setTimeout(resolve, 500_000)));",
    );
    const out = join(dir, `${signal}-run`);
    const mark = `ringlab-hang-${process.pid}-${signal}`;
    const lab = startRinglab(['run', '--guest', 'plain', '--suite', suite, '--out', out], { MARK: mark });
    let text = '';
    createInterface({ input: lab.stderr }).on('line', (line) => {
      text += `${line}\n`;
    });
    lab.stdout.resume();
    const tapOf = () => readdirSync(out).filter((name) => name.endsWith('.tap'));
    const hasFirst = () => tapOf().some((name) => /ok 1 /.test(readFileSync(join(out, name), 'utf8')));
    for (let ready = false; !ready; await delay(50)) {
      try {
        ready = hasFirst();
      } catch {}
    }
    process.kill(lab.pid, signal);
    t.match(await lab.ended, { code: 130 });
    t.match(text, /LOST, 1 passed, 2 failed \(2 lost; .*interrupted/, 'the cell that was cut off');
    t.match(recordOf(out), {
      interrupted: true,
      cells: [{ tests: [{ verdict: 'pass' }, { verdict: 'lost' }, { verdict: 'lost' }] }],
    });
    t.same(processesWith(mark), [], 'processes left');
    t.same(
      readdirSync(out).filter((name) => name.endsWith('.tmp')),
      [],
      'temporary files left',
    );
  });
}
