import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { build } from 'esbuild';
import t from 'tap';
import { start } from '../core/process.ts';
import { readRecord } from '../record/record.ts';

const SCRIPT = join(t.testdir({}), 'killed.mjs');
// Bundled once: loading the sources takes longer than the run that is killed.
await build({
  entryPoints: [join(import.meta.dirname, 'testing/killed.ts')],
  ...{
    outfile: SCRIPT,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  },
});

/** Runs the script, kills it `afterMs` after its first cell has ended, and gives the kernels whose cells were reported. */
async function killedRun(dir: string, afterMs: number): Promise<string[]> {
  await using lab = start(process.execPath, [SCRIPT, dir]);
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
        readdirSync(out).filter((name) => !/^(?:run\.json|\.run\.json\.\d+\.tmp)$/.test(name)),
        [],
        'nothing but the record and at most its successor',
      );
    }
  },
);
