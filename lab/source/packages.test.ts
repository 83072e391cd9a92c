import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { InputError, LabError } from '../core/errors.ts';
import type { EventBody } from '../model/event.ts';
import { debianMirrors } from './debian.ts';
import { resolveSource } from './index.ts';
import { pinnedVersion, updatePackage } from './packages.ts';

const SOURCE = { name: 'toy', package: 'linux-source-0.9', suite: 'shells-backports' };

/** A fake archive with its suite, an empty cache, and a sources file that names the package. */
function fixture(t: Test) {
  const dir = t.testdir({
    archive: { [SOURCE.suite]: {} },
    cache: {},
    'sources.yaml': `toy:\n  package: ${SOURCE.package}\n  suite: ${SOURCE.suite}\n`,
  });
  const archive = join(dir, 'archive');
  const before = { ...process.env };
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  process.env.FAKE_ARCHIVE = archive;
  process.env.PATH = `${join(import.meta.dirname, 'fakes')}:${process.env.PATH}`;
  t.teardown(() => {
    process.env = before;
  });
  const events: EventBody[] = [];
  const abort = new AbortController();
  const ctx = { signal: abort.signal, emit: (event: EventBody) => void events.push(event) };
  const calls = () =>
    existsSync(join(archive, 'calls')) ? readFileSync(join(archive, 'calls'), 'utf8').trim().split('\n') : [];
  const resolve = () => resolveSource({ kernel: 'toy', sourcesFile: join(dir, 'sources.yaml') }, ctx);
  /** How a command of apt fails: exit code, then what it prints. */
  const refuse = (command: string, text: string) => writeFileSync(join(archive, `refuse-${command}`), text);
  return { dir, archive, events, abort, ctx, calls, resolve, refuse, cache: join(dir, 'cache') };
}

/** Puts a package with a toy kernel into the archive. */
function publish(archive: string, version: string, suite = SOURCE.suite, name = SOURCE.package) {
  const work = join(archive, 'work');
  mkdirSync(join(work, 'deb/DEBIAN'), { recursive: true });
  mkdirSync(join(work, 'deb/usr/src'), { recursive: true });
  mkdirSync(join(work, name), { recursive: true });
  writeFileSync(join(work, name, 'Makefile'), `VERSION = 0\nPATCHLEVEL = 9\n# ${version}\n`);
  writeFileSync(join(work, name, 'Kconfig'), 'mainmenu "toy"\n');
  execFileSync('tar', ['-cJf', join(work, `deb/usr/src/${name}.tar.xz`), '-C', work, name]);
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: A <a@a.invalid>\nDescription: toy\n`;
  writeFileSync(join(work, 'deb/DEBIAN/control'), control);
  const file = join(archive, suite, `${name}_${version.replace(':', '%3a')}_all.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', join(work, 'deb'), file], { stdio: 'ignore' });
  rmSync(work, { recursive: true });
  return file;
}

const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('no error'),
    (error: Error) => error,
  );

t.test(
  'a package of a suite is downloaded and unpacked once, without the machine’s sources of apt',
  async (t) => {
    const h = fixture(t);
    publish(h.archive, '0.9.4-1~bpo1+1');
    const tree = await h.resolve();
    t.equal(tree.name, 'toy');
    const from = `Debian ${SOURCE.suite}, ${SOURCE.package} 0.9.4-1~bpo1+1`;
    t.same(h.events[0], { type: 'source.start', source: 'toy', action: 'download', from });
    t.match(h.events.map((event) => event.type === 'source.start' && event.action).filter(Boolean), [
      'download',
      'unpack',
    ]);
    t.match(h.calls(), [
      /^update/,
      /--print-uris/,
      /^update/,
      /--print-uris/,
      `download ${SOURCE.package}=0.9.4-1~bpo1+1`,
    ]);
    const calls = h.calls().length;
    h.events.length = 0;
    t.same(await h.resolve(), tree);
    t.same(h.events, [], 'the second time nothing is done');
    t.equal(h.calls().length, calls, 'calls of apt');
    const [folder = ''] = readdirSync(join(h.cache, 'apt')).filter((name) => !name.includes('.lock'));
    const config = readFileSync(join(h.cache, 'apt', folder, 'apt.conf'), 'utf8');
    for (const setting of ['Etc::SourceList', 'State::Lists', 'State::Status', 'Cache::Archives'])
      t.match(config, new RegExp(`Dir::${setting} "${join(h.cache, 'apt')}`), setting);
    t.match(config, /AllowInsecureRepositories "false"/);
    const sources = readFileSync(join(h.cache, 'apt', folder, 'debian.sources'), 'utf8');
    t.match(sources, /^URIs: http:\/\/mirror\.invalid\/debian\nSuites: shells-backports$/m);
    t.match(sources, /^Signed-By: .*debian-archive-keyring/m);
  },
);

t.test('a version stays in use when the archive has a newer one, until it is updated', async (t) => {
  const h = fixture(t);
  publish(h.archive, '0.9.4-1');
  const first = await h.resolve();
  publish(h.archive, '0.9.5-1');
  t.same(await h.resolve(), first);
  t.same(await updatePackage(SOURCE, h.ctx), { before: '0.9.4-1', after: '0.9.5-1' });
  const second = await h.resolve();
  t.not(second.tree, first.tree);
  t.same(await updatePackage(SOURCE, h.ctx), { before: '0.9.5-1', after: '0.9.5-1' });
  const folders = readdirSync(join(h.cache, 'downloads')).filter((name) => !/\.lock|\.json/.test(name));
  t.equal(folders.length, 1, 'downloads that are kept');
});

t.test(
  'a damaged download is made again, and one that the archive no longer has names the update',
  async (t) => {
    const h = fixture(t);
    const published = publish(h.archive, '0.9.4-1');
    await h.resolve();
    const [folder = ''] = readdirSync(join(h.cache, 'downloads')).filter(
      (name) => !/\.lock|\.json/.test(name),
    );
    const damage = () => writeFileSync(join(h.cache, 'downloads', folder, `${SOURCE.package}.tar.xz`), 'x');
    damage();
    h.events.length = 0;
    await h.resolve();
    t.match(h.events[0], {
      type: 'note',
      note: { code: 'cache.damaged', subject: `downloads/${SOURCE.package} 0.9.4-1` },
    });
    damage();
    rmSync(published);
    publish(h.archive, '0.9.5-1');
    const error = await errorOf(h.resolve());
    t.ok(error instanceof InputError);
    t.match(
      error.message,
      /0\.9\.4-1 was used so far[\s\S]* has 0\.9\.5-1 now[\s\S]*ringlab source update toy/,
    );
    t.match(await updatePackage(SOURCE, h.ctx), { after: '0.9.5-1' });
    t.equal((await h.resolve()).name, 'toy');
  },
);

t.test('a download that is interrupted leaves nothing, and the next call downloads', async (t) => {
  const h = fixture(t);
  publish(h.archive, '0.9.4-1');
  writeFileSync(join(h.archive, 'slow'), '');
  const watcher = watch(h.archive);
  const resolving = errorOf(h.resolve());
  while (!existsSync(join(h.archive, 'started'))) await once(watcher, 'change');
  watcher.close();
  h.abort.abort(new Error('stopped'));
  t.equal((await resolving).message, 'stopped');
  t.equal(await pinnedVersion(SOURCE), undefined);
  t.same(
    readdirSync(join(h.cache, 'downloads')).filter((name) => !name.includes('.lock')),
    [],
  );
  rmSync(join(h.archive, 'slow'));
  const ctx = { ...h.ctx, signal: new AbortController().signal };
  t.match(await updatePackage(SOURCE, ctx), { before: undefined, after: '0.9.4-1' });
});

t.test('two callers download a package once', async (t) => {
  const h = fixture(t);
  publish(h.archive, '0.9.4-1');
  const [one, two] = await Promise.all([h.resolve(), h.resolve()]);
  t.same(one, two);
  t.equal(h.calls().filter((call) => /^download linux/.test(call)).length, 1, 'downloads');
});

t.test(
  'an archive whose signature cannot be verified is a LabError, also where apt has lists from before',
  async (t) => {
    const h = fixture(t);
    publish(h.archive, '0.9.4-1');
    const unsigned = `W: GPG error: http://u:secret@mirror.invalid/debian s InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 0E98404D386FA1D9\nE: The repository 'http://mirror.invalid/debian s InRelease' is not signed.\n`;
    const kept = `W: An error occurred during the signature verification. The repository is not updated and the previous index files will be used.\n`;
    for (const text of [`100\n${unsigned}`, `0\n${kept}`]) {
      h.refuse('update', text);
      const error = await errorOf(h.resolve());
      t.ok(error instanceof LabError);
      t.match(error.message, /kernel toy: apt does not trust http:\/\/mirror\.invalid\/debian .*signature/);
      t.notMatch(error.message, /secret/);
    }
    rmSync(join(h.archive, 'refuse-update'));
    h.refuse('download', '100\nE: Failed to fetch http://mirror.invalid/x.deb  Hash Sum mismatch\n');
    t.match(await errorOf(h.resolve()), { exitCode: 3, message: /apt does not trust/ });
  },
);

t.test(
  'no network, an unknown suite, an unknown package and a package without source each have their message',
  async (t) => {
    const h = fixture(t);
    h.refuse(
      'update',
      "100\nE: Failed to fetch http://mirror.invalid/x  Temporary failure resolving 'mirror.invalid'\n",
    );
    t.match(await errorOf(h.resolve()), {
      exitCode: 3,
      message: /cannot download from .*shells-backports[\s\S]*--tarball FILE/,
    });
    rmSync(join(h.archive, 'refuse-update'));
    publish(h.archive, '0.8.1-1', SOURCE.suite, 'linux-source-0.8');
    t.match(await errorOf(h.resolve()), {
      exitCode: 2,
      message: /has no package linux-source-0\.9[\s\S]*expected: linux-source-0\.8/,
    });
    rmSync(join(h.archive, SOURCE.suite), { recursive: true });
    t.match(await errorOf(h.resolve()), { exitCode: 2, message: /has no suite shells-backports/ });
  },
);

t.test('mirrors of the machine come first, and Debian’s public name is the last', async (t) => {
  const h = fixture(t);
  const { signal } = h.ctx;
  t.same(await debianMirrors(signal), ['http://mirror.invalid/debian', 'http://deb.debian.org/debian']);
  process.env.FAKE_MIRROR = 'cdrom:[Debian 13]/';
  t.same(await debianMirrors(signal), ['http://deb.debian.org/debian']);
});

t.test('without apt the message names the way by a tarball', async (t) => {
  const h = fixture(t);
  process.env.PATH = join(h.dir, 'none');
  t.match(await errorOf(h.resolve()), { exitCode: 2, message: /no apt-get[\s\S]*--tarball FILE or URL/ });
});
