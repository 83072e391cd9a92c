/** Images of tiny packages from a fake archive, made with the real tools. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import t, { type Test } from 'tap';
import { hashFile } from '../core/hash.ts';
import { projectRoot } from '../core/paths.ts';
import { run } from '../core/process.ts';
import { trySandbox } from '../core/sandbox.ts';
import { hostArch } from '../model/arch.ts';
import type { EventBody } from '../model/event.ts';
import { ensureImage, findImage } from './index.ts';
import { loadRecipe } from './recipe.ts';

const fakes = join(import.meta.dirname, 'fakes');
const realPath = process.env.PATH ?? '';
const hasErofs = realPath.split(delimiter).some((folder) => existsSync(join(folder, 'mkfs.erofs')));
const skip = hasErofs ? false : 'mkfs.erofs is not installed';
const signal = new AbortController().signal;
const quiet = { signal, emit: () => {} };

/** Builds a package of files, path -> content; content that starts with `=` names a file to copy. */
async function pack(archive: string, name: string, version: string, files: Record<string, string>) {
  const folder = join(archive, `${name}-build`);
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n`;
  for (const [path, content] of Object.entries({ 'DEBIAN/control': control, ...files })) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content.startsWith('=') ? readFileSync(content.slice(1)) : content);
  }
  await run('dpkg-deb', ['--root-owner-group', '-b', folder, join(archive, `${name}_${version}_all.deb`)]);
}

/** An empty cache, an archive with two packages, and a recipe `small`. */
async function fixture(
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
  const events: EventBody[] = [];
  const ctx = { signal, emit: (event: EventBody) => void events.push(event) };
  const make = (name = 'small') => ensureImage(name, ctx, join(dir, 'images'));
  const fetched = () => readFileSync(join(dir, 'archive/log'), 'utf8').split('\n').length - 1;
  /** Makes the image and unpacks it into a new folder. */
  const extract = async (folder = 'extracted') => {
    const root = join(dir, folder);
    await run('fsck.erofs', [`--extract=${root}`, (await make()).path]);
    return root;
  };
  return { dir, make, extract, events, fetched };
}

t.test(
  'an image has packages and overlay, is made once, and bit-identically in another cache',
  { skip },
  async (t) => {
    const { dir, make, events, fetched } = await fixture(t);
    const image = await make();
    t.match(image, {
      recipe: 'small',
      key: /^[0-9a-f]{32}$/,
      path: join(dir, 'cache/images', image.key, 'root.erofs'),
    });
    t.same(events, [
      { type: 'image.start', recipe: 'small', packages: 2 },
      { type: 'image.end', recipe: 'small', key: image.key },
    ]);
    const root = join(dir, 'extracted');
    await run('fsck.erofs', [`--extract=${root}`, image.path]);
    t.equal(readFileSync(join(root, 'usr/bin/one'), 'utf8'), 'a');
    t.equal(readFileSync(join(root, 'etc/hosts'), 'utf8'), 'x');
    t.equal(readFileSync(join(root, 'etc/two.conf'), 'utf8'), 'b');
    t.ok(statSync(join(root, 'a/b')).isDirectory());
    t.notOk(existsSync(join(root, 'usr/share')), 'dropped by the recipe');

    events.length = 0;
    t.same(await make(), image);
    t.equal(fetched(), 2, 'downloads after the second request');
    t.same(events, []);
    const first = await hashFile(image.path);
    process.env.RINGLAB_CACHE = join(dir, 'other-cache');
    const again = await make();
    t.equal(again.key, image.key);
    t.equal(await hashFile(again.path), first);
  },
);

t.test('two concurrent requests make the image once', { skip }, async (t) => {
  const { make, fetched } = await fixture(t);
  const [a, b] = await Promise.all([make(), make()]);
  t.same(a, b);
  t.equal(fetched(), 2);
});

t.test('content, executable bit and package version of a file each change the key', { skip }, async (t) => {
  const { dir, make } = await fixture(t);
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

t.test('node is added stripped, with the libraries that the packages lack', { skip }, async (t) => {
  const { dir, extract } = await fixture(t, 'packages: [one, two]');
  const headers = (await run('readelf', ['-l', process.execPath])).stdout;
  const [, loader = ''] = /program interpreter: \/(\S+)\]/.exec(headers) ?? [];
  await pack(join(dir, 'archive'), 'one', '2', { [loader]: `=/${loader}` });
  const root = await extract();
  t.ok(statSync(join(root, 'usr/bin/node')).size < statSync(process.execPath).size);
  const { stdout } = await run('readelf', ['-d', process.execPath]);
  for (const [, name = ''] of stdout.matchAll(/NEEDED.*\[(.*)\]/g)) {
    t.ok(
      hostArch().loader.libraryFolders.some((folder) => existsSync(join(root, folder, name))),
      name,
    );
  }
});

t.test(
  'a program whose library is in no package is an InputError, and nothing is left behind',
  { skip },
  async (t) => {
    const { dir, make } = await fixture(t);
    const cat = (await run('which', ['cat'])).stdout.trim();
    await pack(join(dir, 'archive'), 'one', '2', { 'usr/bin/cat': `=${cat}` });
    await t.rejects(make(), { exitCode: 2, message: /\/usr\/bin\/cat needs libc\.so\.6, which is in none/ });
    t.notOk(existsSync(join(dir, 'cache/images', 'root.erofs')));
    await run('sh', ['-c', `test -z "$(find ${dir}/cache/images -name '*.tmp')"`]);
  },
);

t.test(
  'programs of the recipe are compiled statically, and a compiler error ends with its file and line',
  { skip },
  async (t) => {
    const { dir, make } = await fixture(t, 'packages: [one, two]\ncompile: { sbin/mine: prog }\nnode: false');
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

t.test('apt is queried again only after its state has changed', { skip }, async (t) => {
  const { dir, make } = await fixture(t);
  const asked = () => readFileSync(join(dir, 'archive.asked'), 'utf8').split('\n').length - 1;
  const first = await make();
  // Downloading wrote a log into the archive, which changed its state.
  await make();
  const before = asked();
  t.equal((await make()).key, first.key);
  t.equal(asked(), before, 'queries with an unchanged archive');
  await pack(join(dir, 'archive'), 'two', '2', {});
  t.not((await make()).key, first.key);
  t.equal(asked(), before + 1, 'queries after a new package');
});

t.test(
  'a damaged image is noted and made again, and is no image for a cell until then',
  { skip },
  async (t) => {
    const { dir, make, events } = await fixture(t);
    const image = await make();
    const hash = await hashFile(image.path);
    const damages: [string, () => void][] = [
      ['cut short', () => truncateSync(image.path, 5000)],
      ['zeroed', () => writeFileSync(image.path, Buffer.alloc(statSync(image.path).size))],
      ['gone', () => rmSync(image.path)],
    ];
    for (const [kind, damage] of damages) {
      damage();
      await t.rejects(
        findImage(image),
        { exitCode: 3, message: /is damaged: root\.erofs[\s\S]*fix: / },
        kind,
      );
      events.length = 0;
      t.same(await make(), image);
      t.match(
        events.find(({ type }) => type === 'note'),
        { note: { code: 'cache.damaged', subject: `images/${image.key}`, damage: /root\.erofs/ } },
        kind,
      );
      t.equal(await hashFile(image.path), hash, `image after: ${kind}`);
      t.same(await findImage(image), image);
    }
    const folder = join(dir, 'cache/images', image.key);
    rmSync(folder, { recursive: true });
    symlinkSync('no/such/disk', folder);
    await t.rejects(findImage(image), { exitCode: 3, message: /is damaged: a link without a target/ });
    events.length = 0;
    t.same(await make(), image);
    t.match(
      events.find(({ type }) => type === 'note'),
      { note: { code: 'cache.damaged', subject: `images/${image.key}`, damage: /link without a target/ } },
    );
    t.equal(await hashFile(image.path), hash, 'image after a link without a target');
    t.equal(await findImage({ recipe: 'small', key: '0'.repeat(32) }), undefined);
    t.same(
      readdirSync(join(dir, 'cache/images')).filter((name) => name.endsWith('.tmp')),
      [],
    );
  },
);

/** Name of the newest list in a folder of the cache: the first image may change the state of apt. */
const newestList = (folder: string): string =>
  readdirSync(folder)
    .filter((name) => name.startsWith('packages-'))
    .sort((a, b) => statSync(join(folder, b)).mtimeMs - statSync(join(folder, a)).mtimeMs)[0] ?? '';

t.test('a damaged list of packages is noted and asked for again', { skip }, async (t) => {
  const { dir, make, events } = await fixture(t);
  await make();
  const { key } = await make();
  const folder = join(dir, 'cache/images');
  const list = newestList(folder);
  const sound = readFileSync(join(folder, list), 'utf8');
  for (const text of [
    '',
    '\0'.repeat(200),
    '{}',
    '[]',
    sound.slice(0, -20),
    sound.replace('one_1', 'one_2'),
  ]) {
    writeFileSync(join(folder, list), text);
    events.length = 0;
    t.equal((await make()).key, key, JSON.stringify(text.slice(0, 20)));
    t.match(events, [{ type: 'note', note: { code: 'cache.damaged', subject: `images/${list}` } }]);
    t.equal(readFileSync(join(folder, list), 'utf8'), sound);
  }
});

t.test('what is no file in place of the list of packages is noted and replaced', { skip }, async (t) => {
  const { dir, make, events } = await fixture(t);
  await make();
  const { key } = await make();
  const folder = join(dir, 'cache/images');
  const list = newestList(folder);
  const file = join(folder, list);
  const sound = readFileSync(file, 'utf8');
  const kinds: [string, () => unknown][] = [
    ['a folder with files', () => mkdirSync(join(file, 'in'), { recursive: true })],
    ['a FIFO', () => execFileSync('mkfifo', [file])],
    ['a link without a target', () => symlinkSync('nowhere', file)],
  ];
  for (const [kind, put] of kinds) {
    rmSync(file, { recursive: true });
    put();
    events.length = 0;
    t.equal((await make()).key, key, kind);
    t.match(events, [
      { note: { code: 'cache.damaged', subject: `images/${list}`, damage: /no regular file/ } },
    ]);
    t.equal(readFileSync(file, 'utf8'), sound, `the list after ${kind}`);
  }
  t.same(
    readdirSync(folder).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

t.test(
  'a list of packages that the user may not read is noted and replaced',
  { skip: skip || (process.getuid?.() === 0 && 'root may read every file') },
  async (t) => {
    const { dir, make, events } = await fixture(t);
    await make();
    const { key } = await make();
    const folder = join(dir, 'cache/images');
    const list = newestList(folder);
    chmodSync(join(folder, list), 0);
    events.length = 0;
    t.equal((await make()).key, key, 'key of the image');
    t.match(events, [
      { note: { code: 'cache.damaged', subject: `images/${list}`, damage: /cannot be read/ } },
    ]);
  },
);

const reason = await trySandbox();
const noSandbox = reason === undefined ? skip : `no sandbox on this machine: ${reason}`;

t.test('customize steps run in order in the root folder, after packages and overlay', { skip }, async (t) => {
  const steps = [
    "cat usr/bin/one etc/hosts > 'a file'",
    'echo "$(cat "a file") $PWD/x" | sed "s:/.*/::" > second',
  ];
  const { extract } = await fixture(
    t,
    `packages: [one, two]\nnode: false\ncustomize: ${JSON.stringify(steps)}`,
  );
  const root = await extract();
  t.equal(readFileSync(join(root, 'a file'), 'utf8'), 'ax');
  t.equal(readFileSync(join(root, 'second'), 'utf8'), 'ax x\n');
});

t.test(
  'a customize step can write to the root folder only and has no network',
  { skip: noSandbox },
  async (t) => {
    const steps = [
      'if touch /usr/ringlab-test; then echo yes; else echo no; fi > wrote-to-host',
      'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " " > interfaces',
      'env | sed -n "s/=.*//p" | sort > variables',
    ];
    const { extract } = await fixture(
      t,
      `packages: [one, two]\nnode: false\ncustomize: ${JSON.stringify(steps)}`,
    );
    const root = await extract();
    t.equal(readFileSync(join(root, 'wrote-to-host'), 'utf8'), 'no\n');
    t.equal(readFileSync(join(root, 'interfaces'), 'utf8'), 'lo\n');
    t.notMatch(readFileSync(join(root, 'variables'), 'utf8'), /FAKE_APT|RINGLAB/);
  },
);

t.test(
  'a customize step that fails is an InputError with its number, code and output',
  { skip },
  async (t) => {
    const steps = ['true', 'echo reason >&2; false | true; touch never'];
    const { dir, make } = await fixture(
      t,
      `packages: [one, two]\nnode: false\ncustomize: ${JSON.stringify(steps)}`,
    );
    await t.rejects(make(), {
      exitCode: 2,
      message:
        /image small: customize step 2 ended with code 1: echo reason[^\n]*\nreason\n.*fix: correct the step in .*small\/recipe\.yaml/s,
    });
    t.same(
      readdirSync(join(dir, 'cache/images')).filter((name) => /^[0-9a-f]{32}$|\.tmp$/.test(name)),
      [],
    );
  },
);

t.test('an aborted request ends the running customize step and leaves no image', { skip }, async (t) => {
  const steps = ['echo started; sleep 1000'];
  const { dir } = await fixture(t, `packages: [one, two]\nnode: false\ncustomize: ${JSON.stringify(steps)}`);
  const abort = new AbortController();
  const emit = ({ type }: EventBody) => {
    // The step starts within a moment of this event; wherever the abort strikes, nothing may be left.
    if (type === 'image.start') setTimeout(() => abort.abort(new Error('stopped by the user')), 1500);
  };
  await t.rejects(ensureImage('small', { signal: abort.signal, emit }, join(dir, 'images')), {
    message: 'stopped by the user',
  });
  t.same(
    readdirSync(join(dir, 'cache/images')).filter((name) => /^[0-9a-f]{32}$|\.tmp$/.test(name)),
    [],
  );
});

t.test('the minimal recipe links the commands of busybox that no package has', { skip }, async (t) => {
  const minimal = await loadRecipe('minimal', join(projectRoot, 'images'));
  const steps = minimal.customize.filter((step) => step.includes('busybox'));
  t.equal(steps.length, 1);
  const { dir, extract } = await fixture(
    t,
    `packages: [one, two]\nnode: false\ncustomize: ${JSON.stringify(steps)}`,
  );
  const busybox = '#!/bin/sh\nprintf "bin/busybox\\nbin/sh\\nusr/bin/one\\nlinuxrc\\nopt/deep/tool\\n"\n';
  await pack(join(dir, 'archive'), 'one', '3', { 'bin/busybox': busybox, 'usr/bin/one': 'mine' });
  await run('chmod', ['+x', join(dir, 'archive/one-build/bin/busybox')]);
  await pack(join(dir, 'archive'), 'one', '3', {});
  const root = await extract();
  t.ok(lstatSync(join(root, 'bin/sh')).isSymbolicLink());
  for (const applet of ['bin/sh', 'linuxrc', 'opt/deep/tool'])
    t.equal(readlinkSync(join(root, applet)), '/bin/busybox');
  t.ok(lstatSync(join(root, 'bin/busybox')).isFile());
  t.equal(readFileSync(join(root, 'usr/bin/one'), 'utf8'), 'mine');
});

t.test(
  'a snapshot is made by emulation, and a failure gives an image without it and a note',
  { skip },
  async (t) => {
    const recipe =
      'packages: [one, two]\nsnapshots: { s.blob: { script: init, options: [--x] } }\nnode: false';
    const { dir, extract, events } = await fixture(t, recipe);
    const bin = join(dir, 'bin');
    mkdirSync(bin);
    process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
    const emulator = (body: string) =>
      writeFileSync(join(bin, hostArch().qemu.user), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    emulator('echo "$1 $2" >"$6"; shift 3; echo "$@" >>"$3"');
    const root = await extract();
    t.match(
      readFileSync(join(root, 's.blob'), 'utf8'),
      new RegExp(`^-cpu ${hostArch().qemu.emulatedCpu}$`, 'm'),
    );
    t.match(
      readFileSync(join(root, 's.blob'), 'utf8'),
      /^--x --snapshot-blob \S+s\.blob --build-snapshot \S+init$/m,
    );
    emulator('shift 3; echo half >"$3"; echo "no such CPU" >&2; exit 1');
    writeFileSync(join(dir, 'images/small/overlay/etc/hosts'), 'y');
    const without = await extract('without');
    t.ok(existsSync(join(without, 'etc/hosts')));
    t.notOk(existsSync(join(without, 's.blob')), 'the partial snapshot');
    const note = { code: 'image.snapshot', subject: 'small', target: 's.blob', reason: 'no such CPU' };
    t.same(events.at(-2), { type: 'note', note });
  },
);

t.test(
  'unknown recipes, packages and fields and missing tools are InputErrors that name them all',
  async (t) => {
    const { dir, make } = await fixture(t);
    await t.rejects(make('huge'), { exitCode: 2, message: /no image recipe huge[\s\S]*one of small/ });
    writeFileSync(join(dir, 'images/small/recipe.yaml'), 'summary: s\npackages: [one, nosuch]\n');
    if (hasErofs)
      await t.rejects(make(), { exitCode: 2, message: /locate package nosuch[\s\S]*apt-get update/ });
    writeFileSync(join(dir, 'images/small/recipe.yaml'), 'summary: 1\npackages: [/etc]\ncolour: red\n');
    const expected = /recipe\.yaml:1:1: summary[\s\S]*recipe\.yaml:2:\d+: packages\.0[\s\S]*colour/;
    if (hasErofs) await t.rejects(make(), { exitCode: 2, message: expected });
    process.env.PATH = '/nowhere';
    const missing = /need mkfs\.erofs[\s\S]*apt-get install erofs-utils[\s\S]*need strip[\s\S]*binutils/;
    await t.rejects(ensureImage('small', quiet, dir), { exitCode: 2, message: missing });
  },
);
