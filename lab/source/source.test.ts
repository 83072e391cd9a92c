import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { InputError, VerdictError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { LabEvent } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import type { Patch, Series } from '../model/series.ts';
import { applySeries, listSources, resolveSource } from './index.ts';

const LAMP = `${Array.from({ length: 40 }, (_, at) => `line ${at + 1}`).join('\n')}\n`;
const KERNEL = {
  Makefile: 'VERSION = 6\n',
  Kconfig: 'mainmenu\n',
  '.gitignore': '*.o\n',
  fs: { 'lamp.c': LAMP },
};

interface House {
  dir: string;
  kernel: string;
  scratch: string;
  ctx: { signal: AbortSignal; emit: (event: LabEvent) => void };
  events: LabEvent[];
}

/** A toy kernel folder, a cache and a folder for temporary files, all of this test's own. */
function house(t: Test): House {
  const dir = t.testdir({ linux: KERNEL, scratch: {}, cache: {} });
  const before = { ...process.env };
  Object.assign(process.env, { RINGLAB_CACHE: join(dir, 'cache'), TMPDIR: join(dir, 'scratch') });
  t.teardown(() => {
    for (const key of ['RINGLAB_CACHE', 'TMPDIR']) {
      if (before[key] === undefined) delete process.env[key];
      else process.env[key] = before[key];
    }
  });
  const events: LabEvent[] = [];
  const ctx = { signal: new AbortController().signal, emit: (event: LabEvent) => void events.push(event) };
  return { dir, kernel: join(dir, 'linux'), scratch: join(dir, 'scratch'), ctx, events };
}

const git = async (dir: string, ...args: string[]) =>
  (await run('git', ['-C', dir, '-c', 'user.name=u', '-c', 'user.email=u@u', ...args])).stdout.trim();

async function makeRepository(dir: string): Promise<void> {
  await git(dir, 'init', '-q', '-b', 'main');
  await git(dir, 'add', '.');
  await git(dir, 'commit', '-q', '-m', 'base');
}

/** A hunk that changes `line N` of the lamp. */
function hunk(at: number, to: string, was = `line ${at}`): string {
  return `@@ -${at - 1},3 +${at - 1},3 @@\n line ${at - 1}\n-${was}\n+${to}\n line ${at + 1}\n`;
}

const lampDiff = (...hunks: string[]) =>
  `diff --git a/fs/lamp.c b/fs/lamp.c\n--- a/fs/lamp.c\n+++ b/fs/lamp.c\n${hunks.join('')}`;

function patch(number: number, diff: string, files = ['fs/lamp.c']): Patch {
  return {
    number,
    subject: `ring: step ${number}`,
    author: { name: 'Ada Lamp', email: '' },
    date: 'Mon, 3 Mar 2025 10:00:00 +0100',
    body: 'Why.',
    trailers: [],
    files,
    diff,
  };
}

function series(patches: Patch[], more: Partial<Series> = {}): Series {
  const id = hashOf(...patches.map(({ diff }) => diff));
  const base = { id, name: 'lamps', title: 'Lamps', version: 1, announced: patches.length };
  return { ...base, patches, missing: [], foreign: [], origin: { kind: 'mbox', detail: '' }, ...more };
}

/** Everything that a failure could leave behind. */
async function traces({ scratch }: House, base: SourceTree) {
  const refs = await git(base.gitDir, 'for-each-ref', '--format=%(refname) %(objectname)');
  return { temp: await readdir(scratch), refs, top: (await readdir(base.gitDir)).sort() };
}

const show = (tree: SourceTree, what: string) => git(tree.gitDir, 'show', what);

async function failure(h: House, base: SourceTree, wrong: Series): Promise<VerdictError> {
  const before = await traces(h, base);
  const error: unknown = await applySeries(base, wrong, h.ctx).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof VerdictError)) throw new Error(`no verdict but ${error}`);
  t.equal(error.verdict, 'apply-failed');
  t.same(await traces(h, base), before, 'nothing left behind');
  return error;
}

t.test('named sources', async (t) => {
  const h = house(t);
  t.match(await listSources(), [{ name: 'debian-6.12' }, { name: 'debian-6.1' }]);
  const file = join(h.dir, 'mine.yaml');
  await writeFile(
    file,
    'toy:\n  summary: a toy\n  path: linux\nlost:\n  summary: x\n  package: linux-source-0.0\n',
  );
  t.match(await resolveSource({ kernel: 'toy', sourcesFile: file }, h.ctx), { name: 'toy' });
  await t.rejects(
    resolveSource({ kernel: 'lost', sourcesFile: file }, h.ctx),
    /apt-get install linux-source-0\.0/,
  );
  await t.rejects(resolveSource({ kernel: 'tory', sourcesFile: file }, h.ctx), /no kernel "tory"[\s\S]*toy/);
  await writeFile(file, 'toy:\n  summary: a toy\n  path: x\n  package: y\nother: 3\n');
  await t.rejects(resolveSource({ sourcesFile: file }, h.ctx), /mine\.yaml:\d+:\d+: toy[\s\S]*mine\.yaml:5/);
});

t.test('a tarball is unpacked once, and equal content gives the equal commit', async (t) => {
  const h = house(t);
  for (const name of ['one.tar.xz', 'two.tar.gz'])
    await run('tar', ['-caf', join(h.dir, name), '-C', h.dir, 'linux']);
  const one = await resolveSource({ tree: join(h.dir, 'one.tar.xz') }, h.ctx);
  t.ok(h.events.some(({ kind }) => kind === 'start'));
  h.events.length = 0;
  t.same(await resolveSource({ tree: join(h.dir, 'one.tar.xz') }, h.ctx), one);
  t.same(h.events, [], 'the second time nothing is done');
  const two = await resolveSource({ tree: join(h.dir, 'two.tar.gz') }, h.ctx);
  t.equal(two.commit, one.commit);
  t.match(one.workDir, join(h.dir, 'cache/work/one'));
  t.equal(await show(one, `${one.commit}:fs/lamp.c`), LAMP.trim());
  t.notOk((await readdir(one.gitDir)).includes('unpacked'));
});

t.test('what is no kernel source', async (t) => {
  const h = house(t);
  await writeFile(join(h.dir, 'bad.tar'), 'this is no tarball');
  await t.rejects(resolveSource({ tree: join(h.dir, 'bad.tar') }, h.ctx), InputError);
  t.same(
    (await readdir(join(h.dir, 'cache/sources'))).filter((name) => !name.endsWith('.lock.d')),
    [],
  );
  await t.rejects(resolveSource({ tree: join(h.dir, 'nothing') }, h.ctx), /nothing at this path/);
  await t.rejects(resolveSource({ tree: join(h.dir, 'linux/fs') }, h.ctx), /no kernel tree/);
  await t.rejects(resolveSource({ tree: h.kernel, base: 'v1' }, h.ctx), /no git tree/);
  await t.rejects(resolveSource({ base: 'v1' }, h.ctx), /--tree/);
});

t.test('a plain folder follows its content and is not touched', async (t) => {
  const h = house(t);
  await writeFile(join(h.kernel, 'junk.o'), 'built');
  const before = await readdir(h.kernel);
  const first = await resolveSource({ tree: h.kernel }, h.ctx);
  t.equal((await resolveSource({ tree: h.kernel }, h.ctx)).commit, first.commit);
  t.same(await readdir(h.kernel), before);
  t.notMatch(await git(first.gitDir, 'ls-tree', '-r', first.tree), /junk/);
  await writeFile(join(h.kernel, 'fs/new.c'), 'new\n');
  const second = await resolveSource({ tree: h.kernel }, h.ctx);
  t.not(second.tree, first.tree);
  await rm(join(h.kernel, 'fs/new.c'));
  t.equal((await resolveSource({ tree: h.kernel }, h.ctx)).commit, first.commit);
});

t.test('a git tree: any revision, never modified', async (t) => {
  const h = house(t);
  await makeRepository(h.kernel);
  const base = await git(h.kernel, 'rev-parse', 'HEAD');
  await writeFile(join(h.kernel, 'fs/lamp.c'), 'other\n');
  await git(h.kernel, 'commit', '-q', '-a', '-m', 'later');
  await writeFile(join(h.kernel, 'fs/lamp.c'), 'dirty\n');
  const state = async () => [
    await readFile(join(h.kernel, '.git/index')),
    await git(h.kernel, 'for-each-ref'),
    await git(h.kernel, 'count-objects'),
  ];
  const before = await state();
  const old = await resolveSource({ tree: h.kernel, base: 'main~1' }, h.ctx);
  t.equal(old.commit, base);
  const head = await resolveSource({ tree: h.kernel }, h.ctx);
  t.ok(h.events.some(({ text }) => /not committed/.test(text ?? '')));
  t.equal(head.workDir, old.workDir, 'states of one tree share their work folder');
  const { tree } = await applySeries(old, series([patch(1, lampDiff(hunk(5, 'five')))]), h.ctx);
  t.match(await show(tree, `${tree.commit}:fs/lamp.c`), /line 4\nfive\nline 6/);
  t.same(await state(), before);
  await t.rejects(resolveSource({ tree: h.kernel, base: '--help' }, h.ctx), /no commit "--help"/);
});

t.test('a series becomes one commit a patch, the same each time', async (t) => {
  const h = house(t);
  const base = await resolveSource({ tree: h.kernel }, h.ctx);
  const make =
    'diff --git a/fs/new.c b/fs/new.c\nnew file mode 100755\n--- /dev/null\n+++ b/fs/new.c\n@@ -0,0 +1 @@\n+new\n';
  const whole = series([
    patch(1, lampDiff(hunk(5, 'five'), hunk(30, 'thirty'))),
    patch(2, make, ['fs/new.c']),
  ]);
  const first = await applySeries(base, whole, h.ctx);
  t.equal(first.steps.length, 2);
  t.match(first.tree, {
    name: `${base.name}+lamps`,
    base: { commit: base.commit, name: base.name },
    workDir: base.workDir,
  });
  t.equal(first.steps[1]?.commit, first.tree.commit);
  const log = await git(base.gitDir, 'log', '-1', '--format=%an|%ae|%aI|%cn|%B', first.tree.commit);
  t.match(log, 'Ada Lamp||2025-03-03T10:00:00+01:00|ringlab|ring: step 2\n\nWhy.');
  t.equal(await git(base.gitDir, 'rev-list', '--count', `${base.commit}..${first.tree.commit}`), '2');
  t.match(await git(base.gitDir, 'for-each-ref', '--format=%(objectname)'), first.tree.commit);
  t.equal((await applySeries(base, whole, h.ctx)).tree.commit, first.tree.commit);
  t.same(await readdir(h.scratch), []);
  await t.rejects(applySeries(first.tree, whole, h.ctx), /patch 1\/2 "ring: step 1" is already in .*\+lamps/);
});

t.test('a failing patch: which, where, the rejected hunk, and what would have gone in', async (t) => {
  const h = house(t);
  const base = await resolveSource({ tree: h.kernel }, h.ctx);
  const wrong = lampDiff(hunk(5, 'five'), hunk(20, 'twenty', 'line of old'), hunk(30, 'thirty'));
  const gone = 'diff --git a/fs/gone.c b/fs/gone.c\n--- a/fs/gone.c\n+++ b/fs/gone.c\n@@ -1 +1 @@\n-a\n+b\n';
  const good = patch(1, lampDiff(hunk(10, 'ten')));
  const error = await failure(h, base, series([good, patch(2, wrong + gone, ['fs/lamp.c', 'fs/gone.c'])]));
  t.match(
    error.message,
    /^patch 2\/2 "ring: step 2" does not apply to linux: fs\/lamp\.c, hunk 2 at line 19 \(1 of 3 hunks/,
  );
  t.match(error.detail, /1 of 3 hunks rejected; would apply: hunk 1 at line 4, hunk 3 at line 29/);
  t.match(error.detail, /@@ -19,3 \+19,3 @@\n line 19\n-line of old\n\+twenty\n line 21/);
  t.match(error.detail, /fs\/gone\.c: refused: fs\/gone\.c: No such file/);
});

t.test('no fuzz: context that differs by one line is refused, a mere offset is not', async (t) => {
  const h = house(t);
  const base = await resolveSource({ tree: h.kernel }, h.ctx);
  const off = lampDiff(hunk(20, 'twenty').replace('@@ -19,3 +19,3 @@', '@@ -14,3 +14,3 @@'));
  await applySeries(base, series([patch(1, off)]), h.ctx);
  t.ok(h.events.some(({ text }) => /hunk 1 went to line 19, 5 lines off/.test(text ?? '')));
  await failure(h, base, series([patch(1, off.replace(' line 19', ' line nineteen'))]));
});

t.test('3-way: where the repository has the old blob, a moved context is merged', async (t) => {
  const h = house(t);
  await makeRepository(h.kernel);
  await writeFile(join(h.kernel, 'fs/lamp.c'), LAMP.replace('line 20\n', 'twenty\n'));
  const diff = await git(h.kernel, 'diff', '--full-index');
  await writeFile(
    join(h.kernel, 'fs/lamp.c'),
    LAMP.replace('line 17\n', 'seventeen\n').replace(/^/, 'top\n'),
  );
  await git(h.kernel, 'commit', '-q', '-a', '-m', 'context moved');
  const base = await resolveSource({ tree: h.kernel }, h.ctx);
  const { tree } = await applySeries(base, series([patch(1, `${diff}\n`)]), h.ctx);
  t.match(await show(tree, `${tree.commit}:fs/lamp.c`), /^top\n[\s\S]*seventeen\nline 18\nline 19\ntwenty\n/);
  await writeFile(join(h.kernel, 'fs/lamp.c'), LAMP.replace('line 20\n', 'XX\n'));
  await git(h.kernel, 'commit', '-q', '-a', '-m', 'conflict');
  const other = await resolveSource({ tree: h.kernel }, h.ctx);
  t.match(
    (await failure(h, other, series([patch(1, `${diff}\n`)]))).message,
    /fs\/lamp\.c, hunk 1 at line 17/,
  );
});

t.test('empty patches, missing patches, foreign patches', async (t) => {
  const h = house(t);
  const base = await resolveSource({ tree: h.kernel }, h.ctx);
  const good = patch(1, lampDiff(hunk(5, 'five')));
  const empty = await failure(h, base, series([patch(1, 'diff --git a/fs/lamp.c b/fs/lamp.c\n')]));
  t.match(empty.message, /changes nothing/);
  const holed = series([good], { announced: 3, missing: [2, 3] });
  await t.rejects(applySeries(base, holed, h.ctx), { exitCode: 2, message: /patch 2, 3 of 3 is missing/ });
  t.equal((await applySeries(base, holed, h.ctx, { allowMissing: true })).steps.length, 1);
  const foreign = [{ patch: patch(2, 'x'), reason: 'its files lie in src/' }];
  t.equal((await applySeries(base, series([good], { foreign }), h.ctx)).steps.length, 1);
  t.ok(h.events.some(({ text }) => /patch 2 .* is not applied: its files lie in src/.test(text ?? '')));
  await t.rejects(applySeries(base, series([], { foreign }), h.ctx), /no kernel patch/);
});

t.test('a patch that git must not let out of the tree is refused also here', async (t) => {
  const h = house(t);
  const base = await resolveSource({ tree: h.kernel }, h.ctx);
  await mkdir(join(h.dir, 'out'));
  const evil =
    'diff --git a/../out/x b/../out/x\nnew file mode 100644\n--- /dev/null\n+++ b/../out/x\n@@ -0,0 +1 @@\n+x\n';
  await failure(h, base, series([patch(1, evil, ['../out/x'])]));
  t.same(await readdir(join(h.dir, 'out')), []);
});
