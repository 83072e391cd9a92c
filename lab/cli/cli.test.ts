import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
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
