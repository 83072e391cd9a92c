import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import { GuestProfile } from '../model/guest.ts';
import { SuiteInfo } from '../model/suite.ts';
import { onePatch } from './testing/patch.ts';
import { ringlab as command } from './testing/ringlab.ts';

/** The command as a user meets it: words, exit codes, and what goes to which stream. Nothing is built or booted. */

const dir = t.testdir({ cache: {}, garbage: 'not a patch at all\n' });
const env = { RINGLAB_CACHE: join(dir, 'cache'), NO_COLOR: '1' };
const ringlab = (...args: string[]) => command(args, { env, cwd: dir });

t.test('what is wrong with the input is said, with what would be right; exit 2', async (t) => {
  const wrong: [string[], RegExp][] = [
    [['rum'], /unknown command 'rum'[\s\S]*run\?/],
    [['run', '--jobs', '0'], /whole number of at least 1/],
    [['run', '--guest', 'moon', '--guest', 'mars'], /"moon"[\s\S]*swiotlb[\s\S]*"mars"/],
    [['run', '--kernel', 'a', '--tree', 'b', '--base', 'c'], /two kernels/],
    [['report', 'latest'], /no run yet[\s\S]*ringlab run/],
    [['series', 'import', 'garbage'], /garbage: [\s\S]*expected[\s\S]*fix/],
    [['mutants'], /--series/],
    [['run', '--series', 'a', '--series', 'b'], /'--series <series>' argument 'b'.*given before, as "a"/],
    [['shell', '--tree', 'a', '--tree', 'b'], /given before, as "a"/],
    [['run', '--quiet', '--verbose'], /--quiet' cannot be used with option '-v, --verbose'/],
  ];
  const results = await Promise.all(wrong.map(([args]) => ringlab(...args)));
  wrong.forEach(([args, message], index) => {
    const { code, stdout, stderr } = results[index] ?? { code: -1, stdout: '', stderr: '' };
    t.equal(code, 2, args.join(' '));
    t.match(stderr, message);
    t.equal(stdout, '');
    t.notMatch(stderr, /\n {4}at /, 'no stack');
  });
});

t.test('--unsafe-no-sandbox prints one note on standard error', async (t) => {
  for (const verb of ['build', 'run', 'bench', 'mutants', 'shell']) {
    const { code, stdout, stderr } = await ringlab(verb, '--unsafe-no-sandbox', '--kernel', 'moon');
    t.equal(code, 2, `exit code of ${verb}: ${stderr}`);
    t.equal(stdout, '');
    t.equal(
      stderr.split('runs with all your rights (--unsafe-no-sandbox)').length,
      2,
      `notes of ${verb}: ${stderr}`,
    );
  }
});

t.test('an option of a verb may have the name of a global option: --version of series import', async (t) => {
  const { code, stdout, stderr } = await ringlab('series', 'import', 'garbage', '--version', '2');
  t.equal(code, 2);
  t.equal(stdout, '');
  t.match(stderr, /garbage/);
  t.match((await ringlab('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
});

t.test(
  'a request with unknown kernel, tree, revision, config or fragment reports all and leaves no record',
  async (t) => {
    const wrong = [
      ['--kernel', 'moon', '--config', 'nofile', '--fragment', 'nofragment'],
      ['--tree', 'nowhere'],
      ['--tree', '.', '--base', 'norevision'],
    ];
    for (const options of wrong) {
      for (const more of [[], ['--dry-run']]) {
        const { code, stdout, stderr } = await ringlab('run', '--runs', 'left', ...options, ...more);
        t.equal(code, 2, `${options.join(' ')}: ${stderr}`);
        t.equal(stdout, '');
        for (const word of options.filter((option) => /^no|^moon/.test(option))) t.match(stderr, word);
      }
    }
    t.notOk(existsSync(join(dir, 'left')), 'folder of run records');
    t.equal((await ringlab('report', 'latest', '--runs', 'left')).code, 2);
  },
);

t.test(
  'a cell spec is refused with every problem, and with every artefact that the cache lacks',
  async (t) => {
    writeFileSync(join(dir, 'cell.json'), '{"format": 1, "seed": -1}');
    const malformed = await ringlab('run', '--cell', 'cell.json');
    t.equal(malformed.code, 2);
    t.match(malformed.stderr, /cell\.json:1:\d+: seed/);
    const beside = await ringlab('run', '--cell', 'cell.json', '--suite', 'ublk', '--seed', '3');
    t.equal(beside.code, 2);
    t.match(beside.stderr, /a cell spec says this itself: suite, seed/);
    const spec: CellSpec = {
      ...{ format: 1, side: 'base', accel: 'tcg', seed: 1, only: [], known: [], repeat: 1, attempt: 1 },
      kernel: { id: 'k', key: 'a'.repeat(64), debug: false },
      image: { recipe: 'minimal', key: 'b'.repeat(32) },
      payload: { kind: 'agent', key: 'c'.repeat(32) },
      profile: GuestProfile.parse({ name: 'plain', summary: 'plain' }),
      suite: SuiteInfo.parse({ name: 'x' }),
      ...{ kernelArgs: [], qemuArgs: [], deadlines: { bootMs: 1, suiteMs: 1, testMs: 1 } },
    };
    writeFileSync(join(dir, 'cell.json'), JSON.stringify(spec));
    const absent = await ringlab('run', '--cell', 'cell.json', '--runs', 'left');
    t.equal(absent.code, 2);
    t.match(absent.stderr, /no kernel a{64}[\s\S]*no image minimal b{32}[\s\S]*no agent c{32}/);
    t.notOk(existsSync(join(dir, 'left')));
  },
);

t.test('a series goes in, is listed, and comes out the same', async (t) => {
  writeFileSync(join(dir, 'one.patch'), onePatch('nvme: change a line', 'x();'));
  const imported = await ringlab('series', 'import', 'one.patch', '--name', 'one', '--json');
  t.equal(imported.code, 0, imported.stderr);
  const series = JSON.parse(imported.stdout);
  t.match(series, {
    name: 'one',
    kernelPatches: 1,
    foreignPatches: 0,
    patches: [{ subject: 'nvme: change a line', foreign: null }],
  });
  t.match((await ringlab('series', 'list')).stdout, /^one +imported +1 patch/m);
  t.equal((await ringlab('series', 'export', 'one', '--out', 'again.mbox')).code, 0);
  const again = JSON.parse(
    (await ringlab('series', 'import', 'again.mbox', '--name', 'two', '--json')).stdout,
  );
  t.equal(again.id, series.id);
  t.match(readFileSync(join(dir, 'again.mbox'), 'utf8'), /^From /);
});

t.test('a dry run prints the exact command lines and does nothing', async (t) => {
  const { code, stdout } = await ringlab(
    'run',
    '--guest',
    'iommu-strict',
    '--suite',
    'passthrough',
    '--dry-run',
    '--json',
  );
  t.equal(code, 0);
  const plan = JSON.parse(stdout);
  t.same(plan.kernels, ['debian-6.12']);
  t.equal(plan.cells.length, 1);
  const [cell] = plan.cells;
  t.equal(cell.command[0], 'qemu-system-x86_64');
  t.match(cell.command.join(' '), /-device intel-iommu.*restrict=on.*127\.0\.0\.1/);
  const shell = await ringlab('shell', '--guest', 'swiotlb', '--dry-run');
  t.match(shell.stdout, /^qemu-system-x86_64 .*swiotlb=force/);
});
