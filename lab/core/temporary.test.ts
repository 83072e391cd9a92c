/** Temporary files and folders of writers that were killed, that live, and that cannot be seen from here. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { makeFolder, writeAtomic, writeAtomicSync } from './atomic.ts';
import { start } from './process.ts';
import { removeLeftoversIn, temporaryPath } from './temporary.ts';
import { bundleScripts } from './testing/bundle.ts';

const SCRIPTS = t.testdir({});
await bundleScripts(
  SCRIPTS,
  ['atomic', 'temporary', 'seal'].map((name) => join(import.meta.dirname, `${name}.ts`)),
);
const moduleOf = (name: string) => JSON.stringify(join(SCRIPTS, `${name}.mjs`));
const MODULE = moduleOf('temporary');
const NODE = ['--input-type=module', '--eval'];

/** Leaves a temporary file and a temporary folder for `path`, as a process that is killed while it writes. */
async function killedWriter(path: string, command: readonly string[] = []): Promise<void> {
  const script = `
    const { temporaryPath } = await import(${MODULE});
    const { mkdirSync, writeFileSync } = await import('node:fs');
    const path = process.argv[1];
    writeFileSync(temporaryPath(path), 'half a record');
    const folder = temporaryPath(path);
    mkdirSync(folder + '/deep', { recursive: true });
    writeFileSync(folder + '/deep/file', 'x');
    process.kill(process.pid, 'SIGKILL');
  `;
  const [file = '', ...args] = [...command, process.execPath, ...NODE, script, path];
  await promisify(execFile)(file, args).catch(() => {});
}

const temporary = (dir: string) => readdirSync(dir).filter((name) => name.endsWith('.tmp'));
const kindsIn = (dir: string) =>
  temporary(dir)
    .map((name) => (lstatSync(join(dir, name)).isDirectory() ? 'folder' : 'file'))
    .sort();

for (const [name, write] of [
  ['writeAtomic', (path: string) => writeAtomic(path, 'new')],
  ['writeAtomicSync', async (path: string) => writeAtomicSync(path, 'new')],
] as const) {
  t.test(`${name} removes the files that a killed writer of its path has left, no others`, async (t) => {
    const dir = t.testdir({});
    const path = join(dir, 'run.json');
    await killedWriter(path);
    await killedWriter(join(dir, 'run.json.other'));
    t.same(kindsIn(dir), ['file', 'file', 'folder', 'folder'], 'left by the killed writers');
    await write(path);
    t.equal(readFileSync(path, 'utf8'), 'new');
    t.same(kindsIn(dir), ['file', 'folder', 'folder']);
    t.ok(
      temporary(dir).some((file) => file.startsWith('.run.json.other.')),
      'the file of another path',
    );
  });
}

t.test('makeFolder removes the folders that a killed maker of its path has left', async (t) => {
  const dir = t.testdir({});
  await killedWriter(join(dir, 'key'));
  await makeFolder(join(dir, 'key'), async (temp) => writeFileSync(join(temp, 'a'), 'x'));
  t.same(kindsIn(dir), ['file']);
  t.same(readdirSync(join(dir, 'key')), ['a']);
});

t.test(
  'what discard had set aside when it was killed is removed by the next maker of its path',
  async (t) => {
    const dir = t.testdir({ key: { a: 'x' } });
    const script = `
    const { discard } = await import(${moduleOf('seal')});
    const fs = await import('node:fs');
    fs.promises.rename = async (from, to) => { fs.renameSync(from, to); process.kill(process.pid, 'SIGKILL'); };
    (await import('node:module')).syncBuiltinESMExports();
    await discard(process.argv[1]);
  `;
    await promisify(execFile)(process.execPath, [...NODE, script, join(dir, 'key')]).catch(() => {});
    t.same(kindsIn(dir), ['folder'], 'set aside');
    await makeFolder(join(dir, 'key'), async () => {});
    t.same(temporary(dir), []);
  },
);

t.test('a temporary file stays while its writer lives, and goes after it', async (t) => {
  const dir = t.testdir({});
  const path = join(dir, 'state.json');
  const script = `
    const { temporaryPath } = await import(${MODULE});
    (await import('node:fs')).writeFileSync(temporaryPath(process.argv[1]), 'x');
    console.log('written');
    setInterval(() => {}, 60_000);
  `;
  await using writer = start(process.execPath, [...NODE, script, path]);
  await once(writer.stdout, 'data');
  writeFileSync(temporaryPath(path), 'ours');
  const day = Date.now() / 1000 - 48 * 3600;
  for (const name of temporary(dir)) utimesSync(join(dir, name), day, day);
  writeAtomicSync(path, 'new');
  t.equal(temporary(dir).length, 2, 'files of living writers, also after two days');
  await writer.stop();
  writeAtomicSync(path, 'newer');
  t.equal(temporary(dir).length, 1, 'ours');
});

t.test('a writer whose process id was given to a later process is gone', async (t) => {
  const dir = t.testdir({});
  const path = join(dir, 'run.json');
  const ours = temporaryPath(path);
  const earlier = ours.replace(/-\d+(?=\.[0-9a-f]+\.tmp$)/, '-1');
  t.not(earlier, ours, 'the time of start is part of the name');
  writeFileSync(earlier, 'x');
  writeAtomicSync(path, 'new');
  t.same(temporary(dir), []);
});

t.test('what a writer of another PID namespace or an earlier version left goes after a day', async (t) => {
  const dir = t.testdir({});
  const path = join(dir, 'run.json');
  const ours = temporaryPath(path);
  // The id of no process here may be that of a living process there.
  const unseen = [
    ours.replace(/\.\d+-[0-9a-f]{12}-/, '.999999999-0123456789ab-'),
    join(dir, '.run.json.999999999.tmp'),
  ];
  for (const file of unseen) writeFileSync(file, 'x');
  writeAtomicSync(path, 'new');
  t.same(temporary(dir).sort(), unseen.map((file) => basename(file)).sort(), 'new files');
  const twoDaysAgo = Date.now() / 1000 - 48 * 3600;
  for (const file of unseen) utimesSync(file, twoDaysAgo, twoDaysAgo);
  writeAtomicSync(path, 'new');
  t.same(temporary(dir), []);
});

const unshare = ['unshare', '--pid', '--fork', '--mount-proc'];
const canUnshare = await promisify(execFile)('unshare', [...unshare.slice(1), 'true']).then(
  () => true,
  () => false,
);
t.test(
  'a writer in another real PID namespace is not taken for a dead process of this namespace',
  { skip: canUnshare ? false : 'this user may not make PID namespaces' },
  async (t) => {
    const dir = t.testdir({});
    await killedWriter(join(dir, 'run.json'), unshare);
    t.same(kindsIn(dir), ['file', 'folder']);
    writeAtomicSync(join(dir, 'run.json'), 'new');
    t.same(kindsIn(dir), ['file', 'folder'], 'kept: whether the writer lives cannot be seen from here');
  },
);

t.test('links in place of leftovers are neither followed nor removed', async (t) => {
  const dir = t.testdir({ precious: { file: 'kept' } });
  const path = join(dir, 'run.json');
  const gone = temporaryPath(path).replace(/-\d+(?=\.[0-9a-f]+\.tmp$)/, '-1');
  symlinkSync('precious', gone);
  const inside = gone.replace(/\.[0-9a-f]{8}\.tmp$/, '.00000000.tmp');
  mkdirSync(inside);
  symlinkSync('../precious', join(inside, 'link'));
  writeAtomicSync(path, 'new');
  await makeFolder(path.replace('run.json', 'other'), async () => {});
  t.ok(lstatSync(gone).isSymbolicLink());
  rmSync(path);
  await makeFolder(path, async () => {});
  t.notOk(existsSync(inside), 'the folder left behind');
  t.ok(existsSync(join(dir, 'precious/file')));
});

t.test('all files that killed writers left in a folder go, what looks alike stays', async (t) => {
  const dir = t.testdir({});
  await killedWriter(join(dir, 'cell-a.json'));
  await killedWriter(join(dir, 'run.json'));
  const alike = ['.notes.1234.tmp', 'run.json.1234567', '.run.json.tmp', 'notes.tmp'];
  const twoDaysAgo = Date.now() / 1000 - 48 * 3600;
  for (const name of alike) {
    writeFileSync(join(dir, name), 'of the user');
    utimesSync(join(dir, name), twoDaysAgo, twoDaysAgo);
  }
  removeLeftoversIn(dir);
  const files = readdirSync(dir).filter((name) => lstatSync(join(dir, name)).isFile());
  t.same(files.sort(), alike.sort());
  t.doesNotThrow(() => removeLeftoversIn(join(dir, 'missing')));
});

t.test(
  'a process that exits while writeAtomic works leaves no temporary file, at whichever turn',
  async (t) => {
    const dir = t.testdir({});
    const script = `
    const { writeAtomic } = await import(${moduleOf('atomic')});
    const { setImmediate } = await import('node:timers/promises');
    const [, path, turns] = process.argv;
    void writeAtomic(path, 'new');
    for (let turn = 0; turn < Number(turns); turn++) await setImmediate();
    process.exit();
  `;
    for (let run = 0; run < 40; run++) {
      const turns = String(run % 10);
      await promisify(execFile)(process.execPath, [...NODE, script, join(dir, 'file'), turns]);
      t.same(temporary(dir), [], `temporary files after ${turns} turns`);
      rmSync(join(dir, 'file'), { force: true });
    }
  },
);

t.test('a file whose name is as long as names may be is written', async (t) => {
  const dir = t.testdir({});
  for (const write of [writeAtomic, async (path: string, text: string) => writeAtomicSync(path, text)]) {
    const path = join(dir, 'n'.repeat(255));
    await killedWriter(path);
    await write(path, 'new');
    t.equal(readFileSync(path, 'utf8'), 'new');
    t.same(kindsIn(dir), ['folder']);
    for (const name of temporary(dir)) rmSync(join(dir, name), { recursive: true });
  }
});

t.test(
  'writeAtomic keeps the mode of the file, writes through a link only when asked to, and leaves nothing when it fails',
  async (t) => {
    const dir = t.testdir({ real: 'old', link: t.fixture('symlink', 'real'), folder: { a: 'x' } });
    await promisify(execFile)('chmod', ['0640', join(dir, 'real')]);
    await writeAtomic(join(dir, 'link'), 'new', { followLink: true });
    t.equal(readFileSync(join(dir, 'real'), 'utf8'), 'new');
    t.ok(lstatSync(join(dir, 'link')).isSymbolicLink());
    t.equal(lstatSync(join(dir, 'real')).mode & 0o777, 0o640);
    await writeAtomic(join(dir, 'link'), 'of the lab');
    t.equal(readFileSync(join(dir, 'real'), 'utf8'), 'new', 'target of a link that is replaced');
    t.equal(readFileSync(join(dir, 'link'), 'utf8'), 'of the lab');
    const error = await writeAtomic(join(dir, 'folder'), 'x').catch((thrown) => thrown);
    t.match(error, { code: /EISDIR|ENOTEMPTY|EEXIST/, path: /./ });
    t.same(temporary(dir), []);
  },
);
