/** Images of tiny packages from a fake archive; the tools that make them are the real ones. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import t, { type Test } from 'tap';
import { hashFile } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { LabEvent } from '../model/event.ts';
import { ensureImage } from './index.ts';

const fakes = join(import.meta.dirname, 'fakes');
const realPath = process.env.PATH ?? '';
const hasErofs = realPath.split(delimiter).some((folder) => existsSync(join(folder, 'mkfs.erofs')));
const skip = hasErofs ? false : 'mkfs.erofs is not here';
const signal = new AbortController().signal;
const quiet = { signal, emit: () => {} };

/** A package whose files are given by path; a value that starts with `=` names a file to copy. */
async function pack(archive: string, name: string, version: string, files: Record<string, string>) {
  const folder = join(archive, `${name}-build`);
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n`;
  for (const [path, content] of Object.entries({ 'DEBIAN/control': control, ...files })) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content.startsWith('=') ? readFileSync(content.slice(1)) : content);
  }
  await run('dpkg-deb', ['--root-owner-group', '-b', folder, join(archive, `${name}_${version}_all.deb`)]);
}

/** A world of its own: cache, archive with two packages, and a recipe `small`. */
async function world(
  t: Test,
  recipe = 'packages: [one, two]\ndrop: [usr/share]\nfolders: [proc, a/b]\nnode: false',
) {
  const dir = t.testdir({
    archive: {},
    images: {
      small: {
        'recipe.yaml': `summary: s\n${recipe}\n`,
        overlay: { init: '#!/bin/sh\n', etc: { hosts: 'x' } },
      },
    },
  });
  await pack(join(dir, 'archive'), 'one', '1', { 'usr/bin/one': 'a', 'usr/share/doc/one': 'text' });
  await pack(join(dir, 'archive'), 'two', '1', { 'etc/two.conf': 'b' });
  process.env.PATH = `${fakes}${delimiter}${realPath}`;
  process.env.FAKE_APT = join(dir, 'archive');
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  const events: LabEvent[] = [];
  const ctx = { signal, emit: (event: LabEvent) => events.push(event) };
  const make = (name = 'small') => ensureImage(name, ctx, join(dir, 'images'));
  const fetched = () => readFileSync(join(dir, 'archive/log'), 'utf8').split('\n').length - 1;
  return { dir, make, events, fetched };
}

t.test('an image holds packages and overlay, is made once and again the same', { skip }, async (t) => {
  const { dir, make, events, fetched } = await world(t);
  const image = await make();
  t.match(image, {
    recipe: 'small',
    key: /^[0-9a-f]{32}$/,
    path: join(dir, 'cache/images', image.key, 'root.erofs'),
  });
  t.same(
    events.map(({ kind }) => kind),
    ['start', 'end'],
  );
  const root = join(dir, 'extracted');
  await run('fsck.erofs', [`--extract=${root}`, image.path]);
  t.equal(readFileSync(join(root, 'usr/bin/one'), 'utf8'), 'a');
  t.equal(readFileSync(join(root, 'etc/hosts'), 'utf8'), 'x');
  t.equal(readFileSync(join(root, 'etc/two.conf'), 'utf8'), 'b');
  t.ok(statSync(join(root, 'a/b')).isDirectory());
  t.notOk(existsSync(join(root, 'usr/share')), 'what no guest needs is left out');

  t.same(await make(), image);
  t.equal(fetched(), 2, 'the second time nothing is fetched');
  const first = await hashFile(image.path);
  process.env.RINGLAB_CACHE = join(dir, 'other-cache');
  const again = await make();
  t.equal(again.key, image.key);
  t.equal(await hashFile(again.path), first, 'bit for bit');
});

t.test('two labs that want the same image make it once', { skip }, async (t) => {
  const { make, fetched } = await world(t);
  const [a, b] = await Promise.all([make(), make()]);
  t.same(a, b);
  t.equal(fetched(), 2);
});

t.test('whatever changes in it changes the key', { skip }, async (t) => {
  const { dir, make } = await world(t);
  const keys = [(await make()).key];
  const overlay = join(dir, 'images/small/overlay');
  writeFileSync(join(overlay, 'init'), '#!/bin/busybox sh\n');
  keys.push((await make()).key);
  await run('chmod', ['+x', join(overlay, 'init')]);
  keys.push((await make()).key);
  await pack(join(dir, 'archive'), 'two', '2', { 'etc/two.conf': 'c' });
  keys.push((await make()).key);
  t.equal(new Set(keys).size, 4);
});

t.test('node goes in stripped, with the libraries that no package brought', { skip }, async (t) => {
  const { dir, make } = await world(t, 'packages: [one, two]');
  const loader = 'lib64/ld-linux-x86-64.so.2';
  await pack(join(dir, 'archive'), 'one', '2', { [loader]: `=/${loader}` });
  const { path } = await make();
  const root = join(dir, 'extracted');
  await run('fsck.erofs', [`--extract=${root}`, path]);
  t.ok(statSync(join(root, 'usr/bin/node')).size < statSync(process.execPath).size);
  const { stdout } = await run('readelf', ['-d', process.execPath]);
  for (const [, name = ''] of stdout.matchAll(/NEEDED.*\[(.*)\]/g)) {
    const folders = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib64'];
    t.ok(
      folders.some((folder) => existsSync(join(root, folder, name))),
      name,
    );
  }
});

t.test('a program whose library is in no package is named', { skip }, async (t) => {
  const { dir, make } = await world(t);
  const cat = (await run('which', ['cat'])).stdout.trim();
  await pack(join(dir, 'archive'), 'one', '2', { 'usr/bin/cat': `=${cat}` });
  await t.rejects(make(), { exitCode: 2, message: /\/usr\/bin\/cat needs libc\.so\.6, which is in none/ });
  t.notOk(existsSync(join(dir, 'cache/images', 'root.erofs')));
  await run('sh', ['-c', `test -z "$(find ${dir}/cache/images -name '*.tmp')"`]);
});

t.test(
  'programs of the recipe are compiled, static, and their source is part of the key',
  { skip },
  async (t) => {
    const { dir, make } = await world(t, 'packages: [one, two]\ncompile: { sbin/mine: prog }\nnode: false');
    await t.rejects(make(), { exitCode: 2, message: /recipe\.yaml: no folder prog with C source/ });
    const source = join(dir, 'images/small/prog');
    mkdirSync(source);
    writeFileSync(join(source, 'main.c'), 'int answer(void);\nint main(void) { return answer(); }\n');
    writeFileSync(join(source, 'answer.c'), 'int answer(void);\nint answer(void) { return 42; }\n');
    const first = await make();
    const root = join(dir, 'extracted');
    await run('fsck.erofs', [`--extract=${root}`, first.path]);
    t.equal((await run(join(root, 'sbin/mine'), [], { accept: [42] })).code, 42);
    writeFileSync(join(source, 'answer.c'), 'int answer(void) { return 42 }\n');
    await t.rejects(make(), { message: /answer\.c:1:\d+: error: expected/ });
    t.same(
      readdirSync(join(dir, 'cache/images')).filter((name) => /^[0-9a-f]{32}$/.test(name)),
      [first.key],
    );
  },
);

t.test('apt is asked again only when it may answer differently', { skip }, async (t) => {
  const { dir, make } = await world(t);
  const asked = () => readFileSync(join(dir, 'archive.asked'), 'utf8').split('\n').length - 1;
  const first = await make();
  // Fetching wrote a log into the archive, so its state is another one now.
  await make();
  const before = asked();
  t.equal((await make()).key, first.key);
  t.equal(asked(), before, 'nothing is new');
  await pack(join(dir, 'archive'), 'two', '2', {});
  t.not((await make()).key, first.key);
  t.equal(asked(), before + 1, 'a package is new');
});

t.test('busybox gets names for its commands but takes none away', { skip }, async (t) => {
  const { dir, make } = await world(t);
  const busybox = '#!/bin/sh\nprintf "bin/busybox\\nbin/sh\\nusr/bin/one\\n"\n';
  await pack(join(dir, 'archive'), 'one', '3', { 'bin/busybox': busybox, 'usr/bin/one': 'mine' });
  await run('chmod', ['+x', join(dir, 'archive/one-build/bin/busybox')]);
  await pack(join(dir, 'archive'), 'one', '3', {});
  const root = join(dir, 'extracted');
  await run('fsck.erofs', [`--extract=${root}`, (await make()).path]);
  t.ok(lstatSync(join(root, 'bin/sh')).isSymbolicLink());
  t.equal(readFileSync(join(root, 'usr/bin/one'), 'utf8'), 'mine');
});

t.test('a snapshot is made where there is an emulator, and missed by nobody', { skip }, async (t) => {
  const recipe = 'packages: [one, two]\nsnapshots: { s.blob: { script: init, options: [--x] } }\nnode: false';
  const { dir, make, events } = await world(t, recipe);
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
  const emulator = (body: string) =>
    writeFileSync(join(bin, 'qemu-x86_64'), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  emulator('shift 3; echo "$@" >"$3"');
  const root = join(dir, 'extracted');
  await run('fsck.erofs', [`--extract=${root}`, (await make()).path]);
  t.match(
    readFileSync(join(root, 's.blob'), 'utf8'),
    /^--x --snapshot-blob \S+s\.blob --build-snapshot \S+init$/m,
  );
  emulator('shift 3; echo half >"$3"; echo "no such CPU" >&2; exit 1');
  writeFileSync(join(dir, 'images/small/overlay/etc/hosts'), 'y');
  const without = join(dir, 'without');
  await run('fsck.erofs', [`--extract=${without}`, (await make()).path]);
  t.ok(existsSync(join(without, 'etc/hosts')), 'the image is made all the same');
  t.notOk(existsSync(join(without, 's.blob')), 'half a snapshot is none');
  t.match(events.at(-2)?.text, /no snapshot s\.blob.*no such CPU/);
});

t.test('wrong input and missing tools are named, all at once', async (t) => {
  const { dir, make } = await world(t);
  await t.rejects(make('huge'), { exitCode: 2, message: /no image recipe huge[\s\S]*one of small/ });
  writeFileSync(join(dir, 'images/small/recipe.yaml'), 'summary: s\npackages: [one, nosuch]\n');
  if (hasErofs)
    await t.rejects(make(), { exitCode: 2, message: /locate package nosuch[\s\S]*apt-get update/ });
  writeFileSync(join(dir, 'images/small/recipe.yaml'), 'summary: 1\npackages: [/etc]\ncolour: red\n');
  const expected = /recipe\.yaml:1:10: summary[\s\S]*recipe\.yaml:2:\d+: packages\.0[\s\S]*colour/;
  if (hasErofs) await t.rejects(make(), { exitCode: 2, message: expected });
  process.env.PATH = '/nowhere';
  const missing = /need mkfs\.erofs[\s\S]*apt-get install erofs-utils[\s\S]*need strip[\s\S]*binutils/;
  await t.rejects(ensureImage('small', quiet, dir), { exitCode: 2, message: missing });
});
