/** The package that `npm pack` makes, installed in an empty folder that is outside the checkout. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t from 'tap';
import { onePatch } from '../lab/cli/testing/patch.ts';
import { run } from '../lab/core/process.ts';
import { bundle } from './bundle.mjs';
import { plainEnv } from './testing/env.ts';

const checkout = join(import.meta.dirname, '..');
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

const dir = mkdtempSync(join(tmpdir(), 'ringlab-package-'));
const consumer = join(dir, 'consumer');
const installed = join(consumer, 'node_modules/ringlab');
const cache = join(dir, 'cache');

const env = { ...plainEnv, RINGLAB_CACHE: cache, NO_COLOR: '1' };

const command = (name: string, args: readonly string[], { cwd = consumer, any = false } = {}) =>
  run(name, args, { cwd, env, cleanEnv: true, ...(any ? { accept: 'any' as const } : {}) });

const ringlab = async (...args: string[]) => (await command('node_modules/.bin/ringlab', args)).stdout;

interface LockedPackage {
  dev?: boolean;
  version: string;
  dependencies: Record<string, string>;
  bin: Record<string, string>;
}

/** The production packages of the checkout's lock file, by their folder. */
function lockedPackages(): { ringlab: LockedPackage; others: [string, LockedPackage][] } {
  const { '': ringlab, ...others } = read(join(checkout, 'package-lock.json')).packages;
  return { ringlab, others: Object.entries<LockedPackage>(others).filter(([, { dev }]) => !dev) };
}

/** Installs from npm's cache alone. A lock file spares npm the questions that only the registry can answer. */
async function installFromCache(tarball: string): Promise<boolean> {
  const { ringlab, others } = lockedPackages();
  const root = { name: 'consumer', version: '1.0.0', dependencies: { ringlab: `file:${tarball}` } };
  const { version, dependencies, bin } = ringlab;
  const ringlabEntry = { version, resolved: `file:${tarball}`, dependencies, bin };
  const packages = { '': root, 'node_modules/ringlab': ringlabEntry, ...Object.fromEntries(others) };
  writeFileSync(join(consumer, 'package.json'), JSON.stringify(root));
  writeFileSync(
    join(consumer, 'package-lock.json'),
    JSON.stringify({ ...root, lockfileVersion: 3, requires: true, packages }),
  );
  const { code } = await command('npm', ['ci', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'], {
    any: true,
  });
  return code === 0;
}

/** What npm would do, with the packages of the checkout: only those that the installed package depends on. */
async function installByHand(tarball: string): Promise<void> {
  mkdirSync(installed, { recursive: true });
  await command('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  for (const [path] of lockedPackages().others) {
    if (path.indexOf('node_modules/', 1) > 0) continue;
    mkdirSync(dirname(join(consumer, path)), { recursive: true });
    symlinkSync(join(checkout, path), join(consumer, path));
  }
  mkdirSync(join(consumer, 'node_modules/.bin'), { recursive: true });
  symlinkSync('../ringlab/bin/ringlab.mjs', join(consumer, 'node_modules/.bin/ringlab'));
}

/** Files of the installed package, with what changes when one is written. */
const contentOfPackage = () =>
  readdirSync(installed, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { size, mtimeMs } = statSync(join(installed, name));
      return `${name} ${size} ${mtimeMs}`;
    });

t.teardown(async () => {
  await run('chmod', ['-R', 'u+w', dir]);
  rmSync(dir, { recursive: true });
});

/** A module that prepares a suite for guests, bundled as the command is, to be run from the command's place. */
async function preparingModule(): Promise<Buffer> {
  const entry = join(dir, 'prepare.ts');
  writeFileSync(
    entry,
    `import { AGENT_FILES, findPayload, preparePayloads } from ${JSON.stringify(join(checkout, 'lab/cell/payload.ts'))};
     import { loadSuites } from ${JSON.stringify(join(checkout, 'lab/suite/discover.ts'))};
     const suite = (await loadSuites()).get('passthrough')!;
     const payloads = await preparePayloads([suite], new AbortController().signal);
     const folder = await findPayload(payloads.get('passthrough')!);
     const { script, compiled, addon } = AGENT_FILES;
     const file = (name) => folder + '/' + name;
     console.log(JSON.stringify({ from: suite.dir, path: file(script), compiled: file(compiled), addon: file(addon) }));`,
  );
  return (await bundle({ entry, outfile: 'dist/prepare.mjs' })).contents;
}

t.before(async () => {
  mkdirSync(consumer);
  const { stdout } = await command('npm', ['pack', '--silent', '--pack-destination', dir], { cwd: checkout });
  const tarball = join(dir, stdout.trim().split('\n').at(-1) ?? '');
  const install = async () => {
    if (!(await installFromCache(tarball))) await installByHand(tarball);
  };
  const [preparing] = await Promise.all([preparingModule(), install()]);
  writeFileSync(join(installed, 'dist/prepare.mjs'), preparing);
  await run('chmod', ['-R', 'a-w', installed]);
});

t.test('the package has what the command needs, and no test, fake or build product', async (t) => {
  const names = readdirSync(installed, { recursive: true, encoding: 'utf8' });
  t.same(
    names.filter((name) => /\.(test|e2e)\.ts$|(^|\/)(fakes?|testing|build)(\/|$)|^setup/.test(name)),
    [],
  );
  for (const name of ['kernels/sources.yaml', 'images/minimal/init/init.c', 'suites/binding/native/ring.c'])
    t.ok(names.includes(name), name);
  t.notOk(
    readFileSync(join(installed, 'dist/ringlab.mjs')).includes(checkout),
    'the bundle names no folder of the checkout',
  );
  t.ok(
    statSync(join(installed, 'images/minimal/overlay/usr/lib/ringlab/node')).mode & 0o100,
    'the overlay’s program is executable',
  );
});

t.test('the installed command runs from node_modules, on its own data files', async (t) => {
  writeFileSync(join(consumer, 'one.mbox'), onePatch('nvme: change a line', 'x();'));
  const [version, suites, series, imported] = await Promise.all([
    command('npx', ['ringlab', '--version']),
    ringlab('suite', 'list', '--json'),
    ringlab('series', 'list'),
    ringlab('series', 'import', 'one.mbox', '--name', 'one', '--json'),
  ]);
  t.equal(version.stdout, `${read(join(checkout, 'package.json')).version}\n`);
  t.equal(version.stderr, '', 'standard error of the command');
  const names = JSON.parse(suites).suites.map(({ name }: { name: string }) => name);
  t.same(
    names,
    ['suites', 'suites/foreign'].flatMap((folder) =>
      readdirSync(join(checkout, folder))
        .filter((name) => existsSync(join(checkout, folder, name, 'suite.yaml')))
        .sort(),
    ),
  );
  t.match(series, /^nvme-uring-cmd-multipath +/m);
  t.match(JSON.parse(imported), { name: 'one', kernelPatches: 1 });
});

t.test('a new suite type-checks beside the installed package, and is planned', async (t) => {
  await ringlab('suite', 'new', './my-suite');
  const tsc = join(checkout, 'node_modules/typescript/bin/tsc');
  const [{ code, stdout }, plan] = await Promise.all([
    command(process.execPath, [tsc, '-p', 'my-suite'], { any: true }),
    ringlab('run', '--dry-run', '--json', '--guest', 'plain', '--suite', './my-suite'),
  ]);
  t.same({ code, stdout }, { code: 0, stdout: '' });
  t.match(JSON.parse(plan), { cells: [{ name: 'debian-6.12/plain/my-suite' }] });
});

t.test('agent and addon are built in the cache: the package may be read-only', async (t) => {
  const before = contentOfPackage();
  const { stdout } = await command(process.execPath, [join(installed, 'dist/prepare.mjs')]);
  const { from, path, compiled, addon } = JSON.parse(stdout);
  t.equal(from, join(installed, 'suites/passthrough'));
  for (const file of [path, compiled, addon])
    t.ok(file.startsWith(`${cache}/`) && statSync(file).size > 0, file);
  t.doesNotThrow(() => process.dlopen({ exports: {} }, addon));
  t.match(await command(process.execPath, [path, dir], { any: true }), {
    code: 2,
    stdout: /Bail out! .*cell.json: ENOENT/,
  });
  t.same(contentOfPackage(), before, 'no file of the package was written');
});

t.test('a script imports the functions from the installed package, and their types are exact', async (t) => {
  writeFileSync(
    join(consumer, 'script.mjs'),
    `import { InputError, listSeries, planRun } from 'ringlab';
     const [series] = await listSeries();
     const { cells } = await planRun({ series: series.name, guests: ['plain'], suites: ['passthrough'], accel: 'tcg' });
     const error = await planRun({ jobs: 0 }).catch((error) => error);
     console.log(JSON.stringify({ cells: cells.length, wrong: error instanceof InputError }));`,
  );
  writeFileSync(
    join(consumer, 'types.ts'),
    `import { type RunOptions, run, type RunResult } from 'ringlab';
     import { type CellFile, Device, memoryTarget, nvme, peerServer, test, UblkServer, userCopy } from 'ringlab/suite';
     const options: RunOptions = {
       series: 'sqe-group', jobs: 2, signal: AbortSignal.timeout(1000),
       onEvent(event) { if (event.type === 'test.end') console.log(event.test.verdict satisfies string); },
     };
     export const code: Promise<number> = run(options).then(({ exitCode }: RunResult) => exitCode);
     test('a test', (t) => { t.ok(Device, 'Device'); });
     const start = peerServer('mine', userCopy);
     test('a ublk device', async (t) => {
       const server = t.use(await UblkServer.start(t.uapi, { target: memoryTarget(t, 1 << 20) }));
       t.equal((await start(t, { target: { size: 1 << 20 } })).path satisfies string, server.path, 'path');
       // @ts-expect-error a transfer needs memory
       nvme.transfer('read', t.device('data'), { lba: 0, blocks: 1 });
     });
     // @ts-expect-error jobs is a number
     void run({ jobs: '2' });
     // @ts-expect-error there is no such option
     void run({ gests: ['plain'] });
     // @ts-expect-error a suite has a name
     export const cell: CellFile['suite'] = 5;`,
  );
  const tsc = join(checkout, 'node_modules/typescript/bin/tsc');
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022'];
  const lib = ['--lib', 'es2023,esnext.disposable', '--types', 'node'];
  const [script, types] = await Promise.all([
    command(process.execPath, ['script.mjs']),
    command(process.execPath, [tsc, ...flags, ...lib, 'types.ts'], { any: true }),
  ]);
  t.same(JSON.parse(script.stdout), { cells: 2, wrong: true });
  t.equal(script.stderr, '');
  t.same({ code: types.code, stdout: types.stdout }, { code: 0, stdout: '' });
});
