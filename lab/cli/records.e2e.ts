/** Records of runs in real guests that end in the middle: SIGKILL, a second Ctrl-C, and a record that no longer fits on its disk. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import { processesWith, ringlab, startRinglab } from './testing/ringlab.ts';

const dir = t.testdir({});
const MATRIX = ['--patched-only', '--guest', 'plain', '--guest', 'iommu-strict', '--suite', 'passthrough'];
const args = (out: string) => [
  'run',
  '--kernel',
  'debian-6.12',
  ...MATRIX,
  '--jobs',
  '1',
  '-v',
  '--out',
  out,
];
const recordIn = (out: string) => JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as RunRecord;

/** Starts a run and sends it each signal when its output shows that stage; gives its output when it has ended. */
async function signalled(out: string, mark: string, stages: readonly [RegExp, NodeJS.Signals][]) {
  await using lab = startRinglab(args(out), { RINGLAB_E2E_MARK: mark });
  const left = [...stages];
  let output = '';
  lab.stdout.on('data', () => {});
  lab.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
    const [stage, signal] = left[0] ?? [];
    if (!stage?.test(output) || !signal) return;
    left.shift();
    process.kill(lab.pid, signal);
  });
  const { code, signal } = await lab.ended;
  if (left.length > 0) throw new Error(`${left[0]?.[0]} was never reached:\n${output}`);
  // The parent-death signal of its children is on its way.
  for (let look = 0; look < 50 && processesWith(mark).length > 0; look++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  return { code, signal, left: processesWith(mark) };
}

t.test('SIGKILL costs only the cell that runs, of which the finished tests are kept', async (t) => {
  const out = join(dir, 'killed');
  const mark = `ringlab-records-${process.pid}-kill`;
  const second = /iommu-strict\/passthrough: pass .*\n[\s\S]*iommu-strict\/passthrough: pass /;
  t.match(await signalled(out, mark, [[second, 'SIGKILL']]), { signal: 'SIGKILL', left: [] });
  const killed = await ringlab(['report', out]);
  t.equal(killed.code, 3, 'exit code of the report on a run that did not end');
  t.match(killed.stdout, /the run did not end: it was killed/);
  const record = recordIn(out);
  t.ok(record.unfinished);
  const [whole, cut] = record.cells;
  t.match(whole, { profile: 'plain', verdict: 'done' });
  t.match(cut, { profile: 'iommu-strict', verdict: 'lost', attempts: [{ cutOff: 'running' }] });
  t.equal(cut?.tests.length, whole?.tests.length, 'every announced test has a result');
  t.ok(cut?.tests.some(({ verdict }) => verdict === 'lost'));
  t.ok(
    readdirSync(out).some((name) => /iommu-strict.*\.tap$/.test(name)),
    'the TAP of the cell that was cut off',
  );
  const compared = await ringlab(['compare', out, out]);
  t.equal(compared.code, 1, 'a comparison with a run that did not end is unproven');
});

t.test('a second Ctrl-C ends the run at once, without QEMU and with a whole record', async (t) => {
  const out = join(dir, 'twice');
  const mark = `ringlab-records-${process.pid}-twice`;
  const running = /plain\/passthrough: pass /;
  const ended = await signalled(out, mark, [
    [running, 'SIGINT'],
    [running, 'SIGINT'],
  ]);
  t.match(ended, { code: 130, left: [] });
  const record = recordIn(out);
  t.equal(record.cells.length, 2);
  t.ok(record.interrupted || record.unfinished);
  t.match(record.cells[0]?.tests[0], { verdict: 'pass' }, 'the finished tests of the cell that ran');
});
