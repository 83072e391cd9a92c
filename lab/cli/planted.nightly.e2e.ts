/**
 * A series that plants three faults in the kernel: of a suite whose third, tenth and twentieth test run into them every other test has its
 * real verdict, and the base is what it was.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import type { Comparison } from '../model/compare.ts';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

const dir = t.testdir();
const PLANTED = join(projectRoot, 'kernels/planted/three-faults.patch');

/** What asks the patched kernel for a fault: cdw15 of a flush. */
const FAULTS: Record<number, string> = { 3: '0x70616e63', 10: '0x68616e67', 20: '0x6f6f7073' };

function makeSuite(): string {
  const folder = join(dir, 'flushes');
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'suite.yaml'),
    'name: flushes\nguests: [plain]\ntimeoutSeconds: 600\ntestTimeoutSeconds: 4\n',
  );
  const tests = Array.from({ length: 24 }, (_, index) => {
    const cdw15 = FAULTS[index + 1] ?? '0';
    return `  test('flush ${index + 1}', async (t) => {
    const char = t.use(new File(t.device('data').char, constants.O_RDWR));
    const command = { ...nvme.flush(t.device('data')), cdw15: ${cdw15} };
    const cqe = await openRing(t).execute({ fd: char.fd, command });
    t.equal(cqe.res, 0, 'CQE res of the flush');
  });`;
  });
  writeFileSync(
    join(folder, 'index.ts'),
    `import { constants } from 'node:fs';
import { File, nvme, openRing, suite, test } from 'ringlab/suite';
suite('flushes', { devices: ['data'] }, () => {
${tests.join('\n')}
});
`,
  );
  return folder;
}

t.test('three faults cost three tests, each confirmed, and no other', async (t) => {
  const out = join(dir, 'run');
  const args = ['run', '--series', PLANTED, '--suite', makeSuite(), '--guest', 'plain'];
  const { code, stdout, stderr } = await ringlab([...args, '--out', out, '--json']);
  t.equal(code, 1, stderr.slice(-2000));
  const { tests } = JSON.parse(stdout) as Comparison;
  t.equal(tests.length, 24);
  const regressed = tests.filter(({ change }) => change === 'regressed');
  t.match(
    Object.fromEntries(regressed.map(({ name, patched, reason = '' }) => [name, `${patched}: ${reason}`])),
    {
      'flush 3': /^crash: .*Kernel panic - not syncing: planted/,
      'flush 10': /^timeout: /,
      'flush 20': /^crash: .*(NULL pointer|Oops|Kernel panic)/,
    },
  );
  t.equal(regressed.length, 3);
  t.ok(
    tests.every(
      ({ name, base, patched }) => /^flush (3|10|20)$/.test(name) || (base === 'pass' && patched === 'pass'),
    ),
    'every other test passes on both sides',
  );
  t.match(
    regressed.map(({ confirmation }) => confirmation),
    [3, 10, 20].map(() => ({ outcome: 'fails' })),
  );

  const { cells } = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as RunRecord;
  const ms = cells.map(({ attempts }) => attempts.reduce((sum, { timings }) => sum + timings.totalMs, 0));
  t.comment(`base ${ms[0]} ms, patched ${ms[1]} ms in ${cells[1]?.attempts.length} guests`);
  t.equal(cells[1]?.attempts.length, 4);
});
