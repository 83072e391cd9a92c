/** Copies between this machine and a guest whose files are those of a folder here. */
import {
  chmodSync,
  createReadStream,
  createWriteStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { chmod, lstat, mkdir, readdir, readlink, rename, stat, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../core/process.ts';
import { copyFromGuest, copyToGuest, type GuestFiles } from './copy.ts';

const { signal } = new AbortController();

const entryOf = (info: Awaited<ReturnType<typeof lstat>>) => {
  const kind = info.isSymbolicLink()
    ? 'link'
    : info.isDirectory()
      ? 'folder'
      : info.isFile()
        ? 'file'
        : 'other';
  return { kind, mode: Number(info.mode) & 0o777 } as const;
};

/** The files below a folder, as those of a guest. */
function filesOf(root: string): GuestFiles {
  const at = (path: string) => join(root, path);
  return {
    async look(path, { follow = false } = {}) {
      const info = await (follow ? stat : lstat)(at(path)).catch(() => undefined);
      return info && entryOf(info);
    },
    async list(path) {
      const names = await readdir(at(path));
      return Promise.all(
        names.map(async (name) => ({ name, entry: entryOf(await lstat(join(at(path), name))) })),
      );
    },
    read: (path) => createReadStream(at(path)),
    write: (path, mode) => createWriteStream(at(path), { flags: 'wx', mode }),
    makeFolder: (path, mode) => mkdir(at(path), { mode }),
    setMode: (path, mode) => chmod(at(path), mode),
    target: (link) => readlink(at(link)),
    link: (target, path) => symlink(target, at(path)),
    rename: (from, to) => rename(at(from), at(to)),
    remove: (path) => unlink(at(path)),
  };
}

/** A tree with a program, a link, a read-only folder and an empty one. */
function makeTree(dir: string) {
  mkdirSync(join(dir, 'tree/sub'), { recursive: true });
  mkdirSync(join(dir, 'tree/empty'));
  symlinkSync('sub/../run.sh', join(dir, 'tree/link'));
  symlinkSync('/nowhere', join(dir, 'tree/dangling'));
}

function fixture(t: Test) {
  const dir = t.testdir({ here: { tree: { 'run.sh': '#!/bin/sh\n', 'a b': '' } }, guest: { root: {} } });
  makeTree(join(dir, 'here'));
  chmodSync(join(dir, 'here/tree/run.sh'), 0o755);
  chmodSync(join(dir, 'here/tree/sub'), 0o555);
  return { dir, here: join(dir, 'here'), guest: join(dir, 'guest'), files: filesOf(join(dir, 'guest')) };
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

function checkTree(t: Test, tree: string) {
  t.same(readdirSync(tree).sort(), ['a b', 'dangling', 'empty', 'link', 'run.sh', 'sub']);
  t.equal(readFileSync(join(tree, 'run.sh'), 'utf8'), '#!/bin/sh\n');
  t.equal(modeOf(join(tree, 'run.sh')), 0o755, 'mode of a program');
  t.equal(modeOf(join(tree, 'sub')), 0o555, 'mode of a folder');
  t.equal(readlinkSync(join(tree, 'link')), 'sub/../run.sh');
  t.equal(readlinkSync(join(tree, 'dangling')), '/nowhere');
}

t.test('folders go into a guest and come back with modes and links, also over an earlier copy', async (t) => {
  const { here, guest, files } = fixture(t);
  for (const _round of [1, 2]) {
    await copyToGuest(files, join(here, 'tree'), 'root/tree', signal);
    checkTree(t, join(guest, 'root/tree'));
    await copyFromGuest(files, 'root/tree', join(here, 'back'), signal);
    checkTree(t, join(here, 'back'));
  }
});

t.test('a file is replaced, a folder is not, and nothing of a link is followed', async (t) => {
  const { dir, here, guest, files } = fixture(t);
  symlinkSync(join(dir, 'outside'), join(here, 'target'));
  await copyToGuest(files, join(here, 'tree/run.sh'), 'root/run.sh', signal);
  await copyFromGuest(files, 'root/run.sh', join(here, 'target'), signal);
  t.ok(lstatSync(join(here, 'target')).isFile(), 'a link is replaced');
  t.notOk(existsSync(join(dir, 'outside')));
  await t.rejects(copyFromGuest(files, 'root/run.sh', join(here, 'tree'), signal), {
    exitCode: 2,
    message: /a folder is there/,
  });
  symlinkSync(dir, join(here, 'to-dir'));
  await t.rejects(copyFromGuest(files, 'root', join(here, 'to-dir'), signal), {
    message: /something else is there/,
  });
  t.same(readdirSync(dir).sort(), ['guest', 'here'], 'the folder that the link leads to');
  await t.rejects(copyToGuest(files, join(here, 'tree/run.sh'), 'root', signal), {
    message: /a folder is there/,
  });
  t.same(readdirSync(join(guest, 'root')), ['run.sh'], 'temporary files in the guest');
});

t.test('what cannot be copied is reported after the rest was copied', async (t) => {
  const { here, guest, files } = fixture(t);
  await run('mkfifo', [join(here, 'tree/fifo'), join(here, 'tree/second')]);
  const error = await copyToGuest(files, join(here, 'tree'), 'root/tree', signal).catch((e) => e);
  t.match(error, { exitCode: 2, problems: [{ where: /fifo$/ }, { where: /second$/ }] });
  checkTree(t, join(guest, 'root/tree'));
  await t.rejects(copyToGuest(files, join(here, 'none'), 'root/x', signal), {
    exitCode: 2,
    message: /no such file/,
  });
  await t.rejects(copyFromGuest(files, 'root/none', here, signal), {
    exitCode: 2,
    message: /no such file in the guest/,
  });
  const stopped = AbortSignal.abort(new Error('interrupted'));
  await t.rejects(copyFromGuest(files, 'root/tree', join(here, 'late'), stopped), /interrupted/);
  t.notOk(existsSync(join(here, 'late')));
});

t.test('a guest that lists names of other folders, or a name twice, writes nothing outside', async (t) => {
  const { dir, here, files } = fixture(t);
  const file = { kind: 'file' as const, mode: 0o644 };
  const list = async (path: string) =>
    path === 'evil'
      ? [
          ...['../out', '..', '/etc/out', '', 'x\0y'].map((name) => ({ name, entry: file })),
          { name: 'twice', entry: { kind: 'link' as const, mode: 0o777 } },
          { name: 'twice', entry: { kind: 'folder' as const, mode: 0o755 } },
        ]
      : [{ name: 'out', entry: file }];
  const hostile: GuestFiles = {
    ...files,
    list,
    look: async () => ({ kind: 'folder', mode: 0o755 }),
    target: async () => dir,
    read: () => createReadStream('/dev/null'),
  };
  await t.rejects(copyFromGuest(hostile, 'evil', join(here, 'evil'), signal), {
    exitCode: 2,
    problems: { length: 6 },
    message: /lists the name "\.\.\/out"/,
  });
  t.same(readdirSync(join(here, 'evil')), ['twice']);
  t.ok(lstatSync(join(here, 'evil/twice')).isSymbolicLink());
  t.notOk(existsSync(join(dir, 'out')) || existsSync(join(here, 'out')), 'a file outside');
});
