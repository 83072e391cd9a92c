/**
 * Series that plant faults in the kernel: of a suite whose third, tenth and twentieth test run into them every other test has its
 * real verdict, and the base is what it was; failures by chance and by order are told for what they are.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import type { Comparison } from '../model/compare.ts';
import { rateInterval } from '../model/rate.ts';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

const dir = t.testdir();
const planted = (name: string) => join(projectRoot, 'kernels/planted', `${name}.patch`);

/** What asks the patched kernel for a fault: cdw15 of a flush. */
const FAULTS: Record<number, string> = { 3: '0x70616e63', 10: '0x68616e67', 20: '0x6f6f7073' };
/** A failure by chance, one time in five; what makes a later flush fail; that flush. */
const FLAKES: Record<number, string> = { 4: '0x666c616b', 6: '0x6d61726b', 9: '0x61667472' };

/** A suite of as many flushes, some of which ask for something. */
function makeSuite(name: string, count: number, asks: Record<number, string>): string {
  const folder = join(dir, name);
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'suite.yaml'),
    `name: ${name}\nguests: [plain]\ntimeoutSeconds: 600\ntestTimeoutSeconds: 4\n`,
  );
  const tests = Array.from({ length: count }, (_, index) => {
    const cdw15 = asks[index + 1] ?? '0';
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
suite('${name}', { devices: ['data'] }, () => {
${tests.join('\n')}
});
`,
  );
  return folder;
}

t.test('three faults cost three tests, each confirmed, and no other', async (t) => {
  const out = join(dir, 'run');
  const args = [
    'run',
    '--series',
    planted('three-faults'),
    '--suite',
    makeSuite('flushes', 24, FAULTS),
    '--guest',
    'plain',
  ];
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

t.test('a failure by chance has its rate, and one by order the test before it', async (t) => {
  const suite = makeSuite('flakes', 12, FLAKES);
  const args = ['run', '--series', planted('two-flakes'), '--suite', suite, '--guest', 'plain'];
  const repeats = ['--repeat', '30', '--confirm', '10', '--json', '--out', join(dir, 'flaky-run')];
  const { stdout, stderr } = await ringlab([...args, ...repeats]);
  const { tests } = JSON.parse(stdout || '{}') as Comparison;
  t.ok(tests, stderr.slice(-2000));
  const of = (number: number) => tests.find(({ name }) => name === `flush ${number}`);
  const rate = of(4)?.rates?.patched;
  t.match(rate, { runs: 30 });
  const [low, high] = rateInterval(rate ?? { failed: 0, runs: 0 });
  t.comment(`fails ${rate?.failed} of ${rate?.runs}, ${low} to ${high}`);
  // The interval is one of 95%: a rate that is 3.3 deviations off is a fault.
  t.ok(Math.abs((rate?.failed ?? 0) / 30 - 0.2) < 0.24, 'the rate is that of the kernel');
  t.match(of(4), { change: 'regressed', confirmation: { outcome: 'flaky' } });
  t.match(of(9), { confirmation: { outcome: 'after-others', after: ['flush 6'] } });
  t.same(
    tests.filter(({ patched }) => patched !== 'pass').map(({ name }) => name),
    ['flush 4', 'flush 9'],
  );
});
