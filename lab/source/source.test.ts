import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { InputError, VerdictError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { EventBody } from '../model/event.ts';
import { DEFAULT_KERNEL, type SourceTree } from '../model/kernel.ts';
import type { Note } from '../model/note.ts';
import type { Patch, Series } from '../model/series.ts';
import { applySeries, checkSource, resolveSource, sourceName } from './index.ts';

const LAMP = `${Array.from({ length: 40 }, (_, at) => `line ${at + 1}`).join('\n')}\n`;
const KERNEL = {
  Makefile: 'VERSION = 6\n',
  Kconfig: 'mainmenu\n',
  '.gitignore': '*.o\n',
  fs: { 'lamp.c': LAMP },
};

interface Fixture {
  dir: string;
  kernel: string;
  scratch: string;
  ctx: { signal: AbortSignal; emit: (event: EventBody) => void };
  events: EventBody[];
  notes: () => Note[];
}

/** A folder with a toy kernel, an empty cache and a folder for temporary files. */
function fixture(t: Test): Fixture {
  const dir = t.testdir({ linux: KERNEL, scratch: {}, cache: {} });
  const before = { ...process.env };
  Object.assign(process.env, { RINGLAB_CACHE: join(dir, 'cache'), TMPDIR: join(dir, 'scratch') });
  t.teardown(() => {
    for (const key of ['RINGLAB_CACHE', 'TMPDIR']) {
      if (before[key] === undefined) delete process.env[key];
      else process.env[key] = before[key];
    }
  });
  const events: EventBody[] = [];
  const ctx = { signal: new AbortController().signal, emit: (event: EventBody) => void events.push(event) };
  const notes = () => events.flatMap((event) => (event.type === 'note' ? [event.note] : []));
  return { dir, kernel: join(dir, 'linux'), scratch: join(dir, 'scratch'), ctx, events, notes };
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
async function leftovers({ scratch }: Fixture, base: SourceTree) {
  const refs = await git(base.gitDir, 'for-each-ref', '--format=%(refname) %(objectname)');
  return { temp: await readdir(scratch), refs, top: (await readdir(base.gitDir)).sort() };
}

const show = (tree: SourceTree, what: string) => git(tree.gitDir, 'show', what);

/** The VerdictError of a series that does not apply, after checking that nothing is left behind. */
async function failure(h: Fixture, base: SourceTree, failing: Series): Promise<VerdictError> {
  const before = await leftovers(h, base);
  const error: unknown = await applySeries(base, failing, h.ctx).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof VerdictError)) throw new Error(`expected a VerdictError, got ${error}`);
  t.equal(error.verdict, 'apply-failed');
  t.same(await leftovers(h, base), before, 'refs, index and temporary files as before');
  return error;
}

t.test('a named source resolves, and an unknown name or missing package is an InputError', async (t) => {
  const h = fixture(t);
  for (const kernel of ['debian-6.12', 'debian-6.1'])
    t.equal(await sourceName({ kernel }, h.ctx.signal), kernel);
  t.equal(await sourceName({}, h.ctx.signal), DEFAULT_KERNEL);
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

t.test('checkSource rejects what resolveSource would, without writing to the cache', async (t) => {
  const h = fixture(t);
  await makeRepository(h.kernel);
  const { signal } = h.ctx;
  const sourcesFile = join(h.dir, 'mine.yaml');
  await writeFile(
    sourcesFile,
    'toy:\n  summary: a toy\n  path: linux\n  revision: v9\nlost:\n  summary: x\n  path: lost\n',
  );
  await checkSource({ tree: h.kernel }, signal);
  await checkSource({ tree: h.kernel, base: 'main' }, signal);
  const problems = async (ref: Parameters<typeof checkSource>[0]) => {
    const error: unknown = await checkSource(ref, signal).catch((thrown: unknown) => thrown);
    return error instanceof InputError ? error.problems : error;
  };
  t.match(await problems({ kernel: 'debian-6' }), [
    { what: 'there is no kernel "debian-6"', expected: 'debian-6.12, debian-6.1' },
  ]);
  t.match(await problems({ kernel: 'toy', sourcesFile }), [{ what: /^no commit "v9"/, where: h.kernel }]);
  t.match(await problems({ kernel: 'lost', sourcesFile }), [{ where: join(h.dir, 'lost') }]);
  t.match(await problems({ tree: join(h.dir, 'nothing') }), [{ where: join(h.dir, 'nothing') }]);
  t.match(await problems({ tree: h.kernel, base: 'v1' }), [{ what: /^no commit "v1"/, where: h.kernel }]);
  t.match(await problems({ tree: h.scratch, base: 'v1' }), [{ what: /no git tree/, where: h.scratch }]);
  t.match(await problems({ tree: h.kernel, kernel: 'debian-6.12' }), [{ what: /not both/ }]);
  t.match(await problems({ base: 'v1' }), [{ what: /--base/, fix: /--tree/ }]);
  t.same(await readdir(join(h.dir, 'cache')), []);
  t.same(h.events, []);
});

t.test('sourceName gives the name of the resolved tree, without unpacking it', async (t) => {
  const h = fixture(t);
  const { signal } = h.ctx;
  t.equal(await sourceName({ tree: h.kernel }, signal), 'linux');
  await makeRepository(h.kernel);
  const head = await git(h.kernel, 'rev-parse', 'HEAD');
  await writeFile(join(h.kernel, 'fs/lamp.c'), 'other\n');
  await git(h.kernel, 'commit', '-q', '-a', '-m', 'later');
  const tarball = join(h.dir, 'Linux Next.tar.gz');
  await run('tar', ['-caf', tarball, '-C', h.dir, 'linux']);
  const names = [
    await sourceName({ tree: h.kernel, base: 'main~1' }, signal),
    await sourceName({ tree: h.kernel }, signal),
    await sourceName({ tree: tarball }, signal),
  ];
  t.same(await readdir(join(h.dir, 'cache')), []);
  t.equal(names[0], `linux-${head.slice(0, 12)}`);
  t.same(names, [
    (await resolveSource({ tree: h.kernel, base: 'main~1' }, h.ctx)).name,
    (await resolveSource({ tree: h.kernel }, h.ctx)).name,
    'linux-next',
  ]);
  t.equal((await resolveSource({ tree: tarball }, h.ctx)).name, 'linux-next');
});

t.test('a tarball is unpacked once, and equal content gives an equal commit', async (t) => {
  const h = fixture(t);
  for (const name of ['one.tar.xz', 'two.tar.gz'])
    await run('tar', ['-caf', join(h.dir, name), '-C', h.dir, 'linux']);
  const xz = await resolveSource({ tree: join(h.dir, 'one.tar.xz') }, h.ctx);
  const from = join(h.dir, 'one.tar.xz');
  t.same(h.events[0], { type: 'source.start', source: 'one', action: 'unpack', from });
  t.match(h.events.at(-1), { type: 'source.end', source: 'one', files: Number });
  h.events.length = 0;
  t.same(await resolveSource({ tree: join(h.dir, 'one.tar.xz') }, h.ctx), xz);
  t.same(h.events, [], 'the second time nothing is unpacked');
  const gz = await resolveSource({ tree: join(h.dir, 'two.tar.gz') }, h.ctx);
  t.equal(gz.commit, xz.commit);
  t.match(xz.workDir, join(h.dir, 'cache/work/one'));
  t.equal(await show(xz, `${xz.commit}:fs/lamp.c`), LAMP.trim());
  t.notOk((await readdir(xz.gitDir)).includes('unpacked'));
});

t.test('a path without a kernel is an InputError and leaves nothing in the cache', async (t) => {
  const h = fixture(t);
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

t.test('a folder that is no git tree gives a commit of its content and is not written', async (t) => {
  const h = fixture(t);
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

t.test('a git tree gives the commit of any revision and is not written', async (t) => {
  const h = fixture(t);
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
  t.same(h.notes(), [{ code: 'source.uncommitted', subject: h.kernel }]);
  t.equal(head.workDir, old.workDir, 'commits of one tree share a work folder');
  const { tree } = await applySeries(old, series([patch(1, lampDiff(hunk(5, 'five')))]), h.ctx);
  t.match(await show(tree, `${tree.commit}:fs/lamp.c`), /line 4\nfive\nline 6/);
  t.same(await state(), before);
  await t.rejects(resolveSource({ tree: h.kernel, base: '--help' }, h.ctx), /no commit "--help"/);
});

t.test('a series becomes one commit for each patch, the same each time', async (t) => {
  const h = fixture(t);
  const base = await resolveSource({ tree: h.kernel }, h.ctx);
  const newFile =
    'diff --git a/fs/new.c b/fs/new.c\nnew file mode 100755\n--- /dev/null\n+++ b/fs/new.c\n@@ -0,0 +1 @@\n+new\n';
  const whole = series([
    patch(1, lampDiff(hunk(5, 'five'), hunk(30, 'thirty'))),
    patch(2, newFile, ['fs/new.c']),
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

t.test(
  'a patch that does not apply is reported with file, line, rejected hunk and the hunks that would apply',
  async (t) => {
    const h = fixture(t);
    const base = await resolveSource({ tree: h.kernel }, h.ctx);
    const failing = lampDiff(hunk(5, 'five'), hunk(20, 'twenty', 'line of old'), hunk(30, 'thirty'));
    const missing =
      'diff --git a/fs/gone.c b/fs/gone.c\n--- a/fs/gone.c\n+++ b/fs/gone.c\n@@ -1 +1 @@\n-a\n+b\n';
    const good = patch(1, lampDiff(hunk(10, 'ten')));
    const error = await failure(
      h,
      base,
      series([good, patch(2, failing + missing, ['fs/lamp.c', 'fs/gone.c'])]),
    );
    t.match(
      error.message,
      /^patch 2\/2 "ring: step 2" does not apply to linux: fs\/lamp\.c, hunk 2 at line 19 \(1 of 3 hunks/,
    );
    t.match(error.detail, /1 of 3 hunks rejected; would apply: hunk 1 at line 4, hunk 3 at line 29/);
    t.match(error.detail, /@@ -19,3 \+19,3 @@\n line 19\n-line of old\n\+twenty\n line 21/);
    t.match(error.detail, /fs\/gone\.c: refused: fs\/gone\.c: No such file/);
  },
);

t.test(
  'a hunk at another line applies with a note, but one whose context differs by a line does not',
  async (t) => {
    const h = fixture(t);
    const base = await resolveSource({ tree: h.kernel }, h.ctx);
    const off = lampDiff(hunk(20, 'twenty').replace('@@ -19,3 +19,3 @@', '@@ -14,3 +14,3 @@'));
    await applySeries(base, series([patch(1, off)]), h.ctx);
    t.same(h.notes(), [{ code: 'apply.offset', subject: base.name, patch: 1, hunk: 1, line: 19, by: 5 }]);
    await failure(h, base, series([patch(1, off.replace(' line 19', ' line nineteen'))]));
  },
);

t.test('a patch with moved context is merged 3-way where the repository has its blobs', async (t) => {
  const h = fixture(t);
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

t.test(
  'an empty patch fails, an incomplete series is refused, and foreign patches are left out',
  async (t) => {
    const h = fixture(t);
    const base = await resolveSource({ tree: h.kernel }, h.ctx);
    const good = patch(1, lampDiff(hunk(5, 'five')));
    const empty = await failure(h, base, series([patch(1, 'diff --git a/fs/lamp.c b/fs/lamp.c\n')]));
    t.match(empty.message, /changes nothing/);
    const incomplete = series([good], { announced: 3, missing: [2, 3] });
    await t.rejects(applySeries(base, incomplete, h.ctx), {
      exitCode: 2,
      message: /patch 2, 3 of 3 is missing/,
    });
    t.equal((await applySeries(base, incomplete, h.ctx, { allowMissing: true })).steps.length, 1);
    t.same(h.notes(), [{ code: 'apply.missing', subject: 'lamps', patches: [2, 3], announced: 3 }]);
    h.events.length = 0;
    const foreign = [{ patch: patch(2, 'x'), reason: 'its files lie in src/' }];
    t.equal((await applySeries(base, series([good], { foreign }), h.ctx)).steps.length, 1);
    t.same(h.notes(), [
      {
        code: 'apply.foreign',
        subject: 'lamps',
        patch: 2,
        title: 'ring: step 2',
        reason: 'its files lie in src/',
      },
    ]);
    await t.rejects(applySeries(base, series([], { foreign }), h.ctx), /no kernel patch/);
  },
);

t.test('a patch with a path outside the tree fails and writes nothing there', async (t) => {
  const h = fixture(t);
  const base = await resolveSource({ tree: h.kernel }, h.ctx);
  await mkdir(join(h.dir, 'out'));
  const escaping =
    'diff --git a/../out/x b/../out/x\nnew file mode 100644\n--- /dev/null\n+++ b/../out/x\n@@ -0,0 +1 @@\n+x\n';
  await failure(h, base, series([patch(1, escaping, ['../out/x'])]));
  t.same(await readdir(join(h.dir, 'out')), []);
});
