/** Packages that are added to an image: resolved by the real apt from an archive of tiny packages, unpacked by the real tools. */
import { existsSync, lstatSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../core/process.ts';
import { hostArch } from '../model/arch.ts';
import { alternativesIn } from './alternatives.ts';
import { checkImage, ensureImage, type ImageRequest, providedBy } from './index.ts';
import { Archive } from './testing/archive.ts';

const { PATH = '' } = process.env;
const has = (tool: string) => PATH.split(delimiter).some((folder) => existsSync(join(folder, tool)));
const skip = ['mkfs.erofs', 'apt-get', 'apt-cache'].every(has) ? false : 'mkfs.erofs or apt is not installed';
const ctx = { signal: new AbortController().signal, emit: () => {} };

/** An archive, an empty cache, and a recipe `small` with the package `base`. */
async function fixture(t: Test, recipe = 'packages: [base]\nnode: false') {
  const dir = t.testdir({
    ...{ archive: {}, cache: {}, mine: { 'recipe.yaml': 'summary: m\nextend: small\ninstall: [tool]\n' } },
    images: { small: { 'recipe.yaml': `summary: s\n${recipe}\n`, overlay: { etc: { mine: 'overlay' } } } },
  });
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  const archive = new Archive(join(dir, 'archive'));
  process.env.APT_CONFIG = archive.config;
  await archive.pack('base', { 'bin/sh': 'base', 'usr/bin/keep': 'base' });
  await archive.pack('libtool1', { 'usr/lib/libtool.so.1': 'lib' });
  await archive.pack('docs', { 'usr/share/doc/docs': 'docs' });
  const depends = { Depends: 'libtool1 (>= 1), systemd, base', Recommends: 'docs' };
  await archive.pack('tool', { 'bin/tool': 'tool', 'etc/mine': 'tool', 'usr/share/man/tool': 'm' }, depends);
  await archive.pack('systemd', { 'usr/bin/systemctl': '' }, { Depends: 'docs' });
  await archive.update();
  const images = join(dir, 'images');
  const ensure = (request: Partial<ImageRequest>) =>
    ensureImage({ recipe: 'small', ...request }, ctx, images);
  const check = (...packages: string[]) => checkImage({ recipe: 'small', packages }, ctx, images);
  let extracted = 0;
  const extract = async (request: Partial<ImageRequest>) => {
    const root = join(dir, `root-${extracted++}`);
    await run('fsck.erofs', [`--extract=${root}`, (await ensure(request)).path]);
    return root;
  };
  return { dir, archive, ensure, check, extract };
}

t.test(
  'packages come with what they depend on, without what is recommended or makes no sense',
  { skip },
  async (t) => {
    const { ensure, extract } = await fixture(t);
    const plain = await ensure({});
    t.equal((await ensure({ packages: [] })).key, plain.key, 'key without packages');
    const image = await ensure({ packages: ['tool'] });
    t.not(image.key, plain.key, 'key');
    t.equal((await ensure({ packages: ['tool', 'tool'] })).key, image.key, 'key of the same packages');
    const root = await extract({ packages: ['tool'] });
    const read = (path: string) => readFileSync(join(root, path), 'utf8');
    t.equal(read('usr/bin/tool'), 'tool');
    t.equal(read('bin/tool'), 'tool', 'by its other path');
    t.equal(read('usr/lib/libtool.so.1'), 'lib');
    t.equal(read('etc/mine'), 'overlay', 'a file of the recipe');
    for (const path of ['usr/bin/systemctl', 'usr/share/doc/docs', 'usr/share/man'])
      t.notOk(existsSync(join(root, path)), path);
    t.ok(
      existsSync(join(await extract({ packages: ['systemd'] }), 'usr/bin/systemctl')),
      'a package by its name',
    );
    const provides = await providedBy(image);
    for (const path of ['/bin/tool', '/usr/bin/tool', '/bin/sh']) t.ok(provides(path), path);
    for (const path of ['/bin/none', '/etc/mine', 'bin/tool/x']) t.notOk(provides(path), path);
  },
);

t.test(
  'unknown and virtual packages are InputErrors with what may be meant, before any work',
  { skip },
  async (t) => {
    const { archive, dir, check, ensure } = await fixture(t);
    await archive.pack('one-mta', {}, { Provides: 'mail-agent' });
    await archive.pack('two-mta', {}, { Provides: 'mail-agent' });
    await archive.update();
    await t.rejects(check('tol', 'mail-agent', 'qqq'), {
      exitCode: 2,
      message:
        /--packages: mail-agent is a virtual package\n.*: one-mta, two-mta\n[\s\S]*no package "qqq"[\s\S]*no package "tol"\n.*perhaps tool/,
    });
    await t.rejects(ensure({ packages: ['qqq'], where: 'packages of the suite x' }), {
      message: /^packages of the suite x: apt knows no package "qqq"/,
    });
    t.notOk(existsSync(join(dir, 'cache/images/lock')));
  },
);

t.test('a package that appears later is found after an update of the index', { skip }, async (t) => {
  const { archive, check } = await fixture(t);
  await t.rejects(check('later'), { exitCode: 2, message: /no package "later"/ });
  await archive.pack('later', {});
  await archive.update();
  await check('later');
});

t.test('packages that do not fit one another or the image are InputErrors', { skip }, async (t) => {
  const { archive, check, ensure } = await fixture(t);
  await archive.pack('rival', {}, { Conflicts: 'tool' });
  await archive.pack('enemy', {}, { Conflicts: 'base' });
  await archive.pack('broken', {}, { Depends: 'nowhere (>= 2)' });
  await archive.pack('same', { 'usr/bin/tool': 'same' });
  await archive.pack('successor', { 'usr/bin/tool': 'successor' }, { Replaces: 'tool (<< 9)' });
  await archive.pack('beta', { 'usr/share/x': 'file' });
  await archive.pack('alpha', { 'usr/share/x/y': 'folder' });
  await archive.update();
  await t.rejects(check('rival', 'tool'), {
    exitCode: 2,
    message: /apt cannot install them together[\s\S]*rival/,
  });
  await t.rejects(check('enemy'), { exitCode: 2, message: /conflict with what the image has: base/ });
  await t.rejects(check('broken'), { exitCode: 2, message: /nowhere/ });
  await t.rejects(ensure({ packages: ['tool', 'same'] }), {
    exitCode: 2,
    message: /same and tool both have \/usr\/bin\/tool/,
  });
  await t.rejects(ensure({ packages: ['alpha', 'beta'] }), {
    exitCode: 2,
    message: /beta does not fit beside the others/,
  });
});

t.test('a file that a package replaces is that of the package', { skip }, async (t) => {
  const { archive, extract } = await fixture(t);
  await archive.pack('a-new', { 'usr/bin/tool': 'new' }, { Replaces: 'tool' });
  await archive.update();
  const root = await extract({ packages: ['tool', 'a-new'] });
  t.equal(readFileSync(join(root, 'usr/bin/tool'), 'utf8'), 'new');
});

t.test(
  'links of alternatives and of library folders are made without running a script',
  { skip },
  async (t) => {
    const { archive, extract } = await fixture(t);
    const postinst = `#!/bin/sh
touch /ringlab-test-ran
update-alternatives --quiet --install /usr/bin/edit edit \\
  "/usr/bin/edit.NAME" PRIO --slave /usr/bin/view view /usr/bin/edit.NAME
update-alternatives --install /bin/sh sh /usr/bin/edit.NAME PRIO
for i in x; do update-alternatives --install /usr/bin/$i $i /usr/bin/$i 1; done
`;
    for (const [name, priority] of [
      ['low', '10'],
      ['high', '50'],
    ] as const)
      await archive.pack(`${name}-edit`, {
        'DEBIAN/postinst': postinst.replaceAll('NAME', name).replaceAll('PRIO', priority),
        [`usr/bin/edit.${name}`]: name,
      });
    await archive.pack('private-lib', {
      'etc/ld.so.conf.d/x.conf': '# x\n/opt/x/lib\n',
      'opt/x/lib/libx.so.3': 'x',
    });
    await archive.update();
    const root = await extract({ packages: ['low-edit', 'high-edit', 'private-lib'] });
    t.equal(readlinkSync(join(root, 'etc/alternatives/edit')), '/usr/bin/edit.high');
    t.equal(readlinkSync(join(root, 'usr/bin/edit')), '/etc/alternatives/edit');
    t.equal(readlinkSync(join(root, 'etc/alternatives/view')), '/usr/bin/edit.high');
    t.equal(readFileSync(join(root, 'bin/sh'), 'utf8'), 'base', 'a file in the place of a link stays');
    const [folder = ''] = hostArch().loader.libraryFolders;
    t.equal(readlinkSync(join(root, folder, 'libx.so.3')), '/opt/x/lib/libx.so.3');
    t.notOk(existsSync('/ringlab-test-ran'), 'no script ran');
    t.same(alternativesIn('update-alternatives --install $a b c 1\nupdate-alternatives --remove x y\n'), []);
  },
);

t.test('a recipe of the user has a path, extends another and installs packages', { skip }, async (t) => {
  const { dir, extract, ensure } = await fixture(t);
  const recipe = join(dir, 'mine');
  t.match(await ensure({ recipe }), { recipe: 'mine' });
  const root = await extract({ recipe });
  t.ok(existsSync(join(root, 'usr/bin/tool')) && existsSync(join(root, 'usr/bin/keep')), 'files of both');
  t.ok(lstatSync(join(root, 'etc/mine')).isFile(), 'overlay of the other');
  const wrong: [text: string, message: RegExp][] = [
    ['summary: m\n', /neither packages nor extend/],
    ['summary: m\nextend: smal\n', /no image recipe smal[\s\S]*perhaps small/],
    ['summary: m\nextend: small\ninstall: [nothere]\n', /mine\/recipe\.yaml: apt knows no package "nothere"/],
  ];
  for (const [text, message] of wrong) {
    writeFileSync(join(recipe, 'recipe.yaml'), text);
    await t.rejects(ensure({ recipe }), { exitCode: 2, message });
  }
  await t.rejects(ensure({ recipe: join(dir, 'nowhere') }), {
    exitCode: 2,
    message: /a folder with a recipe\.yaml/,
  });
  writeFileSync(join(dir, 'images/small/recipe.yaml'), 'summary: s\nextend: small\n');
  await t.rejects(ensure({}), { exitCode: 2, message: /in a circle: small -> small/ });
});
