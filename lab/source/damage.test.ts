/** Repositories of the cache that were damaged between two runs: found, noted and made again, never blamed on a series. */
import {
  chmodSync,
  existsSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../core/process.ts';
import type { EventBody } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import type { Series } from '../model/series.ts';
import { applySeries, resolveSource, withRepair } from './index.ts';

const KERNEL = { Makefile: 'VERSION = 6\n', Kconfig: 'mainmenu\n', fs: { 'door.c': 'int open;\n' } };
const DIFF =
  'diff --git a/fs/door.c b/fs/door.c\n--- a/fs/door.c\n+++ b/fs/door.c\n@@ -1 +1 @@\n-int open;\n+int shut;\n';

const series: Series = {
  ...{ id: 'door', name: 'door', title: 'door', version: 1, announced: 1, missing: [], foreign: [] },
  patches: [
    {
      ...{ number: 1, subject: 'door: shut it', author: { name: 'A', email: 'a@a' }, body: 'Cold.' },
      ...{ diff: DIFF, files: ['fs/door.c'] },
    },
  ],
  origin: { kind: 'patch', detail: 'door.patch' },
} as unknown as Series;

/** A toy kernel as folder, git tree and tarball, an empty cache, and what becomes of a source. */
async function fixture(t: Test) {
  const dir = t.testdir({ linux: KERNEL, cache: {} });
  const before = process.env.RINGLAB_CACHE;
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  t.teardown(() => {
    if (before === undefined) delete process.env.RINGLAB_CACHE;
    else process.env.RINGLAB_CACHE = before;
  });
  await run('tar', ['-cf', join(dir, 'linux.tar'), '-C', dir, 'linux']);
  const events: EventBody[] = [];
  const ctx = { signal: new AbortController().signal, emit: (event: EventBody) => void events.push(event) };
  const damages = () =>
    events.flatMap((event) =>
      event.type === 'note' && event.note.code === 'cache.damaged' ? [event.note.damage] : [],
    );
  const applied = (tree: string) =>
    withRepair(async () => {
      const source = await resolveSource({ tree: join(dir, tree) }, ctx);
      return { source, patched: (await applySeries(source, series, ctx)).tree };
    }, ctx);
  return { dir, applied, damages };
}

/** The loose objects of a repository. */
const looseObjects = (gitDir: string) =>
  readdirSync(join(gitDir, 'objects'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[0-9a-f]{38}$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));

function overwrite(file: string, size: number): void {
  chmodSync(file, 0o600);
  writeFileSync(file, Buffer.alloc(size));
}

const packs = (gitDir: string) =>
  readdirSync(join(gitDir, 'objects/pack')).map((name) => join(gitDir, 'objects/pack', name));

const KINDS: Record<string, (source: SourceTree) => void> = {
  'HEAD is gone': ({ gitDir }) => rmSync(join(gitDir, 'HEAD')),
  'HEAD is empty': ({ gitDir }) => truncateSync(join(gitDir, 'HEAD')),
  'the ref of the source is gone': ({ gitDir }) => rmSync(join(gitDir, 'refs'), { recursive: true }),
  'config is zeroed': ({ gitDir }) => overwrite(join(gitDir, 'config'), 60),
  'the objects are gone': ({ gitDir }) => rmSync(join(gitDir, 'objects'), { recursive: true }),
  'the commit is gone': ({ gitDir, commit }) =>
    rmSync(join(gitDir, 'objects', commit.slice(0, 2), commit.slice(2))),
  'the top tree is empty': ({ gitDir, tree }) =>
    overwrite(join(gitDir, 'objects', tree.slice(0, 2), tree.slice(2)), 0),
  'all loose objects are zeroed': ({ gitDir }) => {
    for (const file of looseObjects(gitDir)) overwrite(file, statSync(file).size);
  },
  'a link without a target is in its place': ({ gitDir }) => {
    rmSync(gitDir, { recursive: true });
    symlinkSync('no/such/disk', gitDir);
  },
  'only an empty folder is left': ({ gitDir }) => {
    for (const name of readdirSync(gitDir)) rmSync(join(gitDir, name), { recursive: true });
  },
};

t.test('a damaged repository of a tarball is noted and made again, with equal commits', async (t) => {
  const { applied, damages } = await fixture(t);
  const sound = await applied('linux.tar');
  t.same(damages(), []);
  const kinds = {
    ...KINDS,
    'a pack is cut short': ({ gitDir }: SourceTree) => {
      for (const file of packs(gitDir)) {
        chmodSync(file, 0o600);
        truncateSync(file, 40);
      }
    },
  };
  t.ok(packs(sound.source.gitDir).length > 0, 'the tarball is in a pack');
  for (const [kind, damage] of Object.entries(kinds)) {
    const before = damages().length;
    damage(sound.source);
    t.same(await applied('linux.tar'), sound, kind);
    t.equal(damages().length, before + 1, `notes after: ${kind}`);
    t.same(await applied('linux.tar'), sound);
    t.equal(damages().length, before + 1, `no note of a sound repository after: ${kind}`);
  }
});

t.test('damaged objects of a series that was applied before are not blamed on the series', async (t) => {
  const { applied, damages } = await fixture(t);
  const sound = await applied('linux.tar');
  const { gitDir, tree } = sound.patched;
  overwrite(join(gitDir, 'objects', tree.slice(0, 2), tree.slice(2)), 0);
  t.same(await applied('linux.tar'), sound);
  t.equal(damages().length, 1);
});

t.test('damaged repositories of a folder and of a git tree are made again', async (t) => {
  const { dir, applied, damages } = await fixture(t);
  const folder = await applied('linux');
  rmSync(join(folder.source.gitDir, 'HEAD'));
  t.same(await applied('linux'), folder);
  overwrite(join(folder.source.gitDir, 'index'), 100);
  t.same(await applied('linux'), folder, 'a zeroed index');
  t.equal(damages().length, 2);
  rmSync(folder.source.gitDir, { recursive: true });
  symlinkSync('no/such/disk', folder.source.gitDir);
  t.same(await applied('linux'), folder, 'a link without a target');
  t.equal(damages().length, 3);
  const identity = ['-C', join(dir, 'linux'), '-c', 'user.name=u', '-c', 'user.email=u@u'];
  for (const args of [
    ['init', '-q'],
    ['add', '.'],
    ['commit', '-q', '-m', 'x'],
  ])
    await run('git', [...identity, ...args]);
  const borrowed = await applied('linux');
  const { gitDir } = borrowed.source;
  rmSync(join(gitDir, 'objects/info/alternates'));
  t.same(await applied('linux'), borrowed, 'without the objects that it borrows');
  t.equal(damages().length, 4);
});

t.test('a patch whose paths read like a report of damage fails as a patch', async (t) => {
  const { dir, applied, damages } = await fixture(t);
  await applied('linux.tar');
  const name = 'object file x is empty; bad object; not a git repository';
  const diff = DIFF.replaceAll('fs/door.c', `fs/${name}`);
  const ctx = { signal: new AbortController().signal, emit: () => {} };
  const source = await resolveSource({ tree: join(dir, 'linux.tar') }, ctx);
  const [patch] = series.patches;
  const hostile = { ...series, patches: [{ ...patch, diff, files: [`fs/${name}`] }] } as Series;
  await t.rejects(applySeries(source, hostile, ctx), { exitCode: 1, message: /object file x/ });
  t.same(damages(), []);
  t.ok(existsSync(source.gitDir));
});
