import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { run, start } from '../core/process.ts';
import { temporaryPath } from '../core/temporary.ts';
import { bundleScripts } from '../core/testing/bundle.ts';
import { readRecord } from '../record/record.ts';

const SCRIPTS = t.testdir({});
await bundleScripts(
  SCRIPTS,
  ['killed', 'interrupted'].map((name) => join(import.meta.dirname, `testing/${name}.ts`)),
);

/** Runs the script, kills it `afterMs` after its first cell has ended, and gives the kernels whose cells were reported. */
async function killedRun(dir: string, afterMs: number): Promise<string[]> {
  await using lab = start(process.execPath, [join(SCRIPTS, 'killed.mjs'), dir]);
  const ended: string[] = [];
  const lines = createInterface({ input: lab.stdout });
  const drained = new Promise((resolve) => lines.once('close', resolve));
  const first = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      ended.push(line);
      resolve();
    });
  });
  await Promise.race([first, lab.ended]);
  await setTimeout(afterMs);
  process.kill(-lab.pid, 'SIGKILL');
  await drained;
  return ended;
}

t.test(
  'SIGKILL at 20 random moments of a run of 12 cells: each cell that ended is in the record',
  async (t) => {
    const dir = t.testdir({});
    for (let turn = 0; turn < 20; turn++) {
      const out = join(dir, String(turn));
      // The cells take some 100 ms together.
      const afterMs = Math.random() * 100;
      const ended = await killedRun(out, afterMs);
      const record = await readRecord(out);
      const label = `killed ${afterMs.toFixed(1)} ms after the first end, with ${ended.length} ends`;
      t.ok(ended.length > 0, label);
      const done = record.cells.filter(({ verdict }) => verdict === 'done');
      const missing = ended.filter((kernel) => !done.some((cell) => cell.kernel === kernel));
      t.same(missing, [], label);
      t.equal(record.cells.length, 12, 'cells of the record');
      t.ok(done.every(({ tests }) => tests.length === 3 && tests.every(({ verdict }) => verdict === 'pass')));
      const others = record.cells.filter(({ verdict }) => verdict !== 'done');
      t.ok(others.every(({ verdict, attempts }) => verdict === 'lost' && attempts[0]?.cutOff !== undefined));
      t.equal(record.unfinished ?? false, others.length > 0 || record.unfinished === true);
      t.same(
        readdirSync(out).filter((name) => !/^(?:run\.json|\.run\.json\.[-.0-9a-f]+\.tmp)$/.test(name)),
        [],
        'nothing but the record and at most its successor',
      );
    }
  },
);

t.test('a run removes what a killed run has left half written in the folder of its record', async (t) => {
  const out = t.testdir({});
  // As of a process that has ended: that of this id started at another time.
  const ofKilled = (name: string) => temporaryPath(join(out, name)).replace(/-\d+(?=\.[^.]+\.tmp$)/, '-1');
  for (const name of ['run.json', 'cell-other.json']) writeFileSync(ofKilled(name), '{"format":');
  await run(process.execPath, [join(SCRIPTS, 'killed.mjs'), out]);
  t.same(readdirSync(out), ['run.json']);
  t.notOk((await readRecord(out)).unfinished, 'the record is whole');
});

t.test(
  'a process that ends during the last write of its record leaves the finished tests in it',
  async (t) => {
    const dir = t.testdir({});
    for (const turns of [0, 1, 2, 4, 8, 16]) {
      const out = join(dir, String(turns));
      const script = [join(SCRIPTS, 'interrupted.mjs'), out, String(turns)];
      const { code } = await run(process.execPath, script, { accept: 'any' });
      t.equal(code, 130, `exit code after ${turns} turns`);
      t.match(await readRecord(out), {
        interrupted: true,
        cells: [
          {
            ...{ kernel: 'k1', verdict: 'lost', reason: /interrupted/ },
            tests: [{ name: 'reads back', verdict: 'pass' }],
          },
        ],
      });
      t.same(readdirSync(out), ['run.json'], `files of the record after ${turns} turns`);
    }
  },
);
