import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { VerdictError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { EventBody } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import type { Note } from '../model/note.ts';
import type { Patch, Series } from '../model/series.ts';
import { base85 } from '../model/testing/base85.ts';
import { applySeries, resolveSource } from './index.ts';

/** Series whose result a kernel tree must not have, however their text says it. */

const ctx = { signal: new AbortController().signal, emit: () => {} };

const git = async (dir: string, ...args: string[]) =>
  (await run('git', ['-C', dir, '-c', 'user.name=u', '-c', 'user.email=u@u', ...args])).stdout;

interface Fixture {
  dir: string;
  /** A git tree with some files, and the link `mm/link` to `wick.c`. */
  kernel: string;
  base: SourceTree;
}

async function fixture(t: Test): Promise<Fixture> {
  const kernel = { Makefile: 'VERSION = 6\n', Kconfig: 'mainmenu\n', mm: { 'wick.c': 'int wick;\n' } };
  const dir = t.testdir({ linux: { ...kernel, fs: { 'a.c': 'int a;\n' } }, scratch: {}, cache: {} });
  const before = { RINGLAB_CACHE: process.env.RINGLAB_CACHE, TMPDIR: process.env.TMPDIR };
  Object.assign(process.env, { RINGLAB_CACHE: join(dir, 'cache'), TMPDIR: join(dir, 'scratch') });
  t.teardown(() => {
    for (const [key, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    }
  });
  const path = join(dir, 'linux');
  await symlink('wick.c', join(path, 'mm/link'));
  await git(path, 'init', '-q', '-b', 'main');
  await git(path, 'add', '.');
  await git(path, 'commit', '-q', '-m', 'base');
  return { dir, kernel: path, base: await resolveSource({ tree: path }, ctx) };
}

/** What the changes that `change` makes to the work tree are as a patch. */
async function diffOf({ kernel }: Fixture, change: () => Promise<unknown>, ...options: string[]) {
  await change();
  await git(kernel, 'add', '-A', '-f');
  const diff = await git(kernel, 'diff', '--cached', '--binary', '--full-index', '--no-renames', ...options);
  await git(kernel, 'reset', '-q', '--hard');
  return diff;
}

function series(...diffs: string[]): Series {
  const patches = diffs.map((diff, index): Patch => {
    const author = { name: 'Eve', email: 'eve@lamp.example' };
    return { number: index + 1, subject: 'mm: a change', author, body: '', trailers: [], files: [], diff };
  });
  const counts = { version: 1, announced: patches.length, missing: [], foreign: [] };
  const id = hashOf(...diffs);
  return { id, name: 'eve', title: 'Eve', ...counts, patches, origin: { kind: 'mbox', detail: '' } };
}

/** The VerdictError of a series, after checking that the repository has no new ref or object and that no file is left. */
async function refusal(t: Test, { dir, base }: Fixture, failing: Series): Promise<VerdictError> {
  const state = async () => ({
    refs: await git(base.gitDir, 'for-each-ref'),
    objects: await git(base.gitDir, 'count-objects', '-v'),
    scratch: await readdir(join(dir, 'scratch')),
  });
  const before = await state();
  const error: unknown = await applySeries(base, failing, ctx).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof VerdictError)) throw new Error(`expected a VerdictError, got ${error}`);
  t.equal(error.verdict, 'apply-failed', 'verdict');
  t.same(await state(), before, 'refs, objects and temporary files');
  return error;
}

/** A patch that makes or changes an entry at `path` by a text hunk. */
const linkHunk = (path: string, target: string) =>
  `diff --git a/${path} b/${path}\nnew file mode 120000\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${target}\n\\ No newline at end of file\n`;

const NOTHING = `literal 0\n${base85(deflateSync(''))}\n`;

const binaryFile = (path: string, data: string, mode = '100644') =>
  `diff --git a/${path} b/${path}\nnew file mode ${mode}\nindex ${'0'.repeat(40)}..${'1'.repeat(40)}\nGIT binary patch\n${data}\n${NOTHING}\n`;

t.test('a link out of the tree is refused, however the patch says it', async (t) => {
  const h = await fixture(t);
  const { kernel } = h;
  const replace = (path: string, target: string) => async () => {
    await run('rm', ['-f', join(kernel, path)]);
    await symlink(target, join(kernel, path));
  };
  const modified = await diffOf(h, replace('mm/link', '../../secret'));
  const diffs: Record<string, string> = {
    'a new link': linkHunk('mm/new', '/etc/hostname'),
    'a changed target': modified,
    'a changed target without a full index line': modified.replace(
      /^index [0-9a-f]+\.\.[0-9a-f]+/m,
      'index 1..2',
    ),
    'a file turned into a link': await diffOf(h, replace('fs/a.c', '/etc/hostname')),
  };
  const target = await diffOf(h, replace('mm/new', '/etc/hostname'));
  const object = /^index 0+\.\.([0-9a-f]{40})/m.exec(target)?.[1] ?? '';
  const packed = `literal 13\n${base85(deflateSync('/etc/hostname'))}\n`;
  diffs['a link as binary data'] = binaryFile('mm/new', packed, '120000').replace('1'.repeat(40), object);
  // The blob of the file is the target of the link once its mode has changed.
  const text =
    'diff --git a/fs/t b/fs/t\nnew file mode 100644\n--- /dev/null\n+++ b/fs/t\n@@ -0,0 +1 @@\n+/etc/hostname\n\\ No newline at end of file\n';
  for (const [name, diff] of Object.entries(diffs)) {
    const { message, detail } = await refusal(t, h, series(diff));
    t.match(message, /^patch 1\/1 "mm: a change" is refused: a symbolic link: "/, name);
    t.match(message, /\(mode 120000\): its target ".*(?:hostname|secret)" leads out of the tree/, name);
    t.match(detail, /expected: regular files[\s\S]*fix: take it out/, name);
  }
  const renamed =
    'diff --git a/mm/link b/fs/deep/er\nsimilarity index 100%\nrename from mm/link\nrename to fs/deep/er\n';
  const copied = renamed.replaceAll('rename ', 'copy ');
  for (const diff of [renamed, copied])
    t.match((await refusal(t, h, series(diff))).message, /"wick\.c" is no regular file of the tree/);
  const chmod = 'diff --git a/fs/t b/fs/t\nold mode 100644\nnew mode 120000\n';
  const second = await refusal(t, h, series(text, chmod));
  t.match(second.message, /^patch 2\/2 /, 'the mode of a file that an earlier patch made');
});

t.test('a link to a regular file of the tree is applied, any other is refused', async (t) => {
  const h = await fixture(t);
  const good = ['wick.c', './../mm/wick.c', '../fs/a.c'];
  const { tree } = await applySeries(h.base, series(...good.map((to, at) => linkHunk(`mm/l${at}`, to))), ctx);
  t.match(await git(tree.gitDir, 'ls-tree', tree.tree, 'mm/l2'), /^120000 blob/);
  const removed = await diffOf(h, () => run('rm', [join(h.kernel, 'mm/link')]));
  t.equal((await applySeries(h.base, series(removed), ctx)).steps.length, 1, 'a link that is removed');
  const fileAgain = await diffOf(h, async () => {
    await run('rm', [join(h.kernel, 'mm/link')]);
    await writeFile(join(h.kernel, 'mm/link'), 'a file\n');
  });
  t.equal((await applySeries(h.base, series(fileAgain), ctx)).steps.length, 1, 'a link that becomes a file');
  const bad: [string, RegExp][] = [
    ['..', /leads to an empty file name/],
    ['.', /no regular file/],
    ['../fs', /no regular file/],
    ['missing.c', /no regular file/],
    ['link', /no regular file/],
    ['../mm/../mm/wick.c', /goes up after it has gone down/],
    ['../../linux/fs/a.c', /leads out of the tree/],
    ['../.git/config', /git's own folder/],
    [`${'./'.repeat(40_000)}wick.c`, /more than 65536 bytes/],
  ];
  for (const [target, message] of bad)
    t.match((await refusal(t, h, series(linkHunk('mm/new', target)))).message, message, target.slice(0, 40));
});

t.test('a link in a circle of folders is refused', async (t) => {
  const h = await fixture(t);
  const file =
    'diff --git a/fs/x b/fs/x\nnew file mode 100644\n--- /dev/null\n+++ b/fs/x\n@@ -0,0 +1 @@\n+x\n';
  const folder = `${file.replace('new file', 'deleted file').replace('--- /dev/null\n+++ b/fs/x\n@@ -0,0 +1 @@\n+x', '--- a/fs/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-x')}${linkHunk('fs/x/back', '../../mm')}`;
  const circle = series(file, linkHunk('mm/there', '../fs/x'), folder);
  t.match((await refusal(t, h, circle)).message, /^patch 3\/3 .* "\.\.\/\.\.\/mm" is no regular file/);
});

t.test('a submodule and names that no kernel tree has are refused', async (t) => {
  const h = await fixture(t);
  const commit = `Subproject commit ${'a'.repeat(40)}`;
  const submodule = `diff --git a/fs/sub b/fs/sub\nnew file mode 160000\nindex 0000000..aaaaaaa\n--- /dev/null\n+++ b/fs/sub\n@@ -0,0 +1 @@\n+${commit}\n`;
  t.match((await refusal(t, h, series(submodule))).message, /a submodule: "fs\/sub" \(mode 160000\)/);
  const names: [string, RegExp][] = [
    ['fs/"a\\nb"', /control characters in a file name: "fs\/a b|control characters/],
    ['fs/a\\033[2Jb', /control characters/],
    ['fs/a\\302\\233b', /control characters/],
    ['fs/a\\342\\200\\256b', /control characters/],
    ['fs/a\\377b', /not UTF-8/],
    ['fs/-fplugin=x.c', /take for an option/],
    ['-x', /take for an option/],
    [`fs/${'n'.repeat(256)}`, /more than 255 bytes/],
    ['.gitmodules', /configures submodules/],
    ['fs/.GitModules', /configures submodules/],
  ];
  for (const [name, message] of names) {
    const path = name.replaceAll('"', '');
    const quote = /\\/.test(name) ? '"' : '';
    const diff = `diff --git ${quote}a/${path}${quote} ${quote}b/${path}${quote}\nnew file mode 100644\n--- /dev/null\n+++ ${quote}b/${path}${quote}\n@@ -0,0 +1 @@\n+x\n`;
    t.match((await refusal(t, h, series(diff))).message, message, name.slice(0, 40));
  }
  // git itself refuses these.
  for (const path of [
    '.git/hooks/x',
    'fs/.GIT/config',
    'fs/git~1',
    '../x',
    'fs/../../x',
    'fs/.git\u200c/x',
  ]) {
    const diff = `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`;
    await refusal(t, h, series(diff));
  }
});

t.test('attributes that change files at checkout are refused, those of kernel trees are not', async (t) => {
  const h = await fixture(t);
  const attributes = (line: string, path = '.gitattributes') =>
    `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${line}\n`;
  t.equal((await applySeries(h.base, series(attributes('*.rs diff=rust -merge')), ctx)).steps.length, 1);
  const lines = [
    '*.c filter=x',
    '*.c ident',
    '* text=auto',
    '"a b" working-tree-encoding=UTF-16',
    '* export-subst',
  ];
  for (const line of [...lines, '[attr]mine text', '*.c diff=c eol=crlf'])
    t.match((await refusal(t, h, series(attributes(line)))).message, /change files at checkout/, line);
  t.match(
    (await refusal(t, h, series(attributes('* ident', 'mm/.gitattributes')))).message,
    /"mm\/\.gitattr/,
  );
  t.match((await refusal(t, h, series(linkHunk('mm/.gitattributes', 'wick.c')))).message, /not follow/);
});

t.test('binary data that would become too large is refused before git unpacks it', async (t) => {
  const h = await fixture(t);
  const bomb = Buffer.alloc(80 << 20);
  const literal = `literal ${bomb.length}\n${base85(deflateSync(bomb))}\n`;
  t.match((await refusal(t, h, series(binaryFile('fs/b', literal)))).message, /become more than 64 MiB/);
  const signed = literal.replace('literal ', 'literal +');
  t.match((await refusal(t, h, series(binaryFile('fs/b', signed)))).message, /cannot be read/);
  const part = Buffer.alloc(40 << 20);
  const half = (name: string) => binaryFile(name, `literal ${part.length}\n${base85(deflateSync(part))}\n`);
  t.match(
    (await refusal(t, h, series(half('fs/b'), half('fs/c')))).message,
    /^patch 2\/2/,
    'the sum of a series',
  );
  // A delta of some bytes that copies the old content again and again.
  const size = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...size(Math.floor(value / 128))];
  const copies = Array.from({ length: 4000 }, () => [0b10110000, 0xff, 0xff]).flat();
  const delta = Buffer.from([...size(65535), ...size(65535 * 4000), ...copies]);
  const grown = `delta ${delta.length}\n${base85(deflateSync(delta))}\n`;
  t.match((await refusal(t, h, series(binaryFile('fs/b', grown)))).message, /become more than 64 MiB/);
  const damaged = `delta ${delta.length}\n${base85(deflateSync(delta).reverse())}\n`;
  t.match((await refusal(t, h, series(binaryFile('fs/b', damaged)))).message, /cannot be read/);
  const firmware = await diffOf(h, () => writeFile(join(h.kernel, 'fs/fw'), Buffer.alloc(100_000, 'x\0y')));
  const { tree } = await applySeries(h.base, series(firmware), ctx);
  t.match(await git(tree.gitDir, 'cat-file', '-s', `${tree.tree}:fs/fw`), '100000', 'firmware of 100 kB');
  await writeFile(join(h.kernel, 'fs/fw'), Buffer.alloc(100_000, 'x\0y'));
  await git(h.kernel, 'add', '-A');
  await git(h.kernel, 'commit', '-q', '-m', 'firmware');
  const later = { ...h, base: await resolveSource({ tree: h.kernel }, ctx) };
  const change = await diffOf(h, () =>
    writeFile(join(h.kernel, 'fs/fw'), Buffer.concat([Buffer.alloc(100_000, 'x\0y'), Buffer.from('end')])),
  );
  t.match(change, /^delta \d/m, 'a delta as git writes it');
  t.equal((await applySeries(later.base, series(change), ctx)).steps.length, 1);
});

t.test('copies that would fill the disk at checkout are refused', async (t) => {
  const h = await fixture(t);
  await writeFile(join(h.kernel, 'fs/large'), 'line\n'.repeat(4 << 20));
  await git(h.kernel, 'add', '-A');
  await git(h.kernel, 'commit', '-q', '-m', 'large');
  const later = { ...h, base: await resolveSource({ tree: h.kernel }, ctx) };
  const copy = (to: string) =>
    `diff --git a/fs/large b/fs/${to}\nsimilarity index 100%\ncopy from fs/large\ncopy to fs/${to}\n`;
  const copies = Array.from({ length: 8 }, (_, at) => copy(`c${at}`));
  t.match((await refusal(t, later, series(copies.join('')))).message, /makes the tree \d+ MiB larger/);
  t.match((await refusal(t, later, series(...copies))).message, /^patch 7\/8/, 'the sum of a series');
});

t.test('files of a failed patch are not read or written through links that it makes', async (t) => {
  const h = await fixture(t);
  await mkdir(join(h.dir, 'out'));
  await writeFile(join(h.dir, 'out/secret'), '@@ -1 +1 @@ secret\n');
  const wrong = 'diff --git a/fs/a.c b/fs/a.c\n--- a/fs/a.c\n+++ b/fs/a.c\n@@ -1 +1 @@\n-no such line\n+b\n';
  const diffs = [
    linkHunk('fs/a.c.rej', join(h.dir, 'out/secret')) + wrong,
    linkHunk('sub', join(h.dir, 'out')) +
      'diff --git a/sub/new b/sub/new\nnew file mode 100644\n--- /dev/null\n+++ b/sub/new\n@@ -0,0 +1 @@\n+x\n' +
      wrong,
  ];
  for (const diff of diffs) {
    const { detail } = await refusal(t, h, series(diff));
    t.notMatch(detail, /@@ secret/, 'content of a file outside');
  }
  t.same(await readdir(join(h.dir, 'out')), ['secret']);
  t.equal(await readFile(join(h.dir, 'out/secret'), 'utf8'), '@@ -1 +1 @@ secret\n');
});

/** Texts that git, or another program, would report of a full or broken disk or of too little memory. */
const FAULTS = [
  ...['Input/output error', 'No space left on device', 'Disk quota exceeded', 'Read-only file system'],
  ...['error: unable to write file: No space left on device', 'disk full', 'Out of memory'],
];

t.test('a patch whose lines or paths read like a fault of the machine fails as a patch', async (t) => {
  const h = await fixture(t);
  for (const text of FAULTS) {
    const lines = `diff --git a/fs/a.c b/fs/a.c\n--- a/fs/a.c\n+++ b/fs/a.c\n@@ -1 +1 @@\n-${text}\n+b\n`;
    const whole = series(lines);
    for (const patch of whole.patches) patch.files = ['fs/a.c'];
    const { message, detail } = await refusal(t, h, whole);
    t.match(message, /does not apply to \S+: fs\/a\.c, hunk 1 at line 1/, text);
    t.match(detail, `-${text}`, 'the rejected hunk');
    if (FAULTS.indexOf(text) > 1) continue;
    const name = text.replaceAll('/', ' ');
    const path = lines.replaceAll('fs/a.c', `fs/${name}`);
    t.match((await refusal(t, h, series(path))).message, `does not apply`, `a path: ${text}`);
    const mode = `diff --git a/fs/${name} b/fs/${name}\nold mode 100644\nnew mode 100755\n`;
    t.match((await refusal(t, h, series(mode))).message, `does not apply`, `a path without hunks: ${text}`);
  }
});

t.test('names and texts that git refuses in a commit are applied without what it refuses', async (t) => {
  const h = await fixture(t);
  const authors = ['...', ' ,;: ', `"\\'<>`, '\u0001', '\0', '', 'E\0ve', 'Eve.'];
  const one = series(linkHunk('mm/l', 'wick.c'));
  for (const [index, name] of authors.entries()) {
    const patches = one.patches.map((patch) => ({
      ...{ ...patch, author: { name, email: `e\0@${index}.example` } },
      ...{ subject: 'mm:\0 a change', body: 'Zero\0 byte.' },
    }));
    const { tree } = await applySeries(h.base, { ...one, patches }, ctx);
    const shown = await git(tree.gitDir, 'log', '-1', '--format=%an|%ae|%B', tree.commit);
    const author = name.includes('ve') ? 'Eve' : 'unknown';
    t.equal(shown.trim(), `${author}|e@${index}.example|mm: a change\n\nZero byte.`, JSON.stringify(name));
  }
});

t.test('more attributes and links than kernel patches have are refused before git reads them', async (t) => {
  const h = await fixture(t);
  const attributes = (from: number, count: number) =>
    Array.from({ length: count }, (_, at) => {
      const path = `fs/${from + at}/.gitattributes`;
      return `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+* -diff\n`;
    }).join('');
  const one = await refusal(t, h, series(attributes(0, 1001)));
  t.match(one.message, /1001 symbolic links and \.gitattributes/);
  const many = await refusal(t, h, series(attributes(0, 10), attributes(10, 1000)));
  t.match(many.message, /^patch 2\/2 .*1010 symbolic links and \.gitattributes/, 'the sum of a series');
});

t.test('of many moved hunks the first are noted, with the number of the rest', async (t) => {
  const h = await fixture(t);
  const line = (number: number) => `line ${number}`;
  const text = (change = (number: number) => line(number)) =>
    Array.from({ length: 1000 }, (_, at) => `${change(at + 1)}\n`).join('');
  await writeFile(join(h.kernel, 'fs/long'), text());
  await git(h.kernel, 'add', '-A');
  await git(h.kernel, 'commit', '-q', '-m', 'long');
  const later = { ...h, base: await resolveSource({ tree: h.kernel }, ctx) };
  const hunks = Array.from({ length: 30 }, (_, at) => {
    const first = 30 * at + 20;
    const [before, changed, after] = [line(first), line(first + 1), line(first + 2)];
    return `@@ -${first - 4},3 +${first - 4},3 @@\n ${before}\n-${changed}\n+new\n ${after}\n`;
  });
  const diff = `diff --git a/fs/long b/fs/long\n--- a/fs/long\n+++ b/fs/long\n${hunks.join('')}`;
  const notes: Note[] = [];
  const emit = (event: EventBody) => void (event.type === 'note' && notes.push(event.note));
  await applySeries(later.base, series(diff), { ...ctx, emit });
  t.equal(notes.length, 20, 'number of notes');
  t.match(notes[0], { code: 'apply.offset', hunk: 1, line: 20, by: 4 });
  t.match(notes[19], { code: 'apply.offset', hunk: 20, more: 10 });
  t.notOk('more' in (notes[0] ?? {}), 'number of the rest in the first note');
});

t.test('git ignores GIT_ variables that it would inherit', async (t) => {
  const h = await fixture(t);
  const wrong = { GIT_DIR: '/nowhere', GIT_INDEX_FILE: '/nowhere/index', GIT_OBJECT_DIRECTORY: '/nowhere' };
  Object.assign(process.env, wrong);
  t.teardown(() => {
    for (const key of Object.keys(wrong)) delete process.env[key];
  });
  const base = await resolveSource({ tree: h.kernel }, ctx);
  t.equal(base.commit, h.base.commit);
  t.equal((await applySeries(base, series(linkHunk('mm/l', 'wick.c')), ctx)).steps.length, 1);
});

t.test("programs in the configuration of a user's tree are not run", async (t) => {
  const h = await fixture(t);
  const mark = join(h.dir, 'ran');
  const program = join(h.dir, 'program');
  await writeFile(program, `#!/bin/sh\necho "$0 $*" >> ${mark}\n`, { mode: 0o755 });
  for (const key of [
    'core.fsmonitor',
    'filter.x.clean',
    'filter.x.smudge',
    'diff.x.textconv',
    'core.sshCommand',
  ])
    await git(h.kernel, 'config', key, program);
  await writeFile(join(h.kernel, '.git/info/attributes'), '* filter=x diff=x\n');
  await writeFile(join(h.kernel, 'fs/a.c'), 'int a;\n');
  await git(h.kernel, 'status');
  t.ok((await readdir(h.dir)).includes('ran'), 'git runs the programs when the user calls it');
  await run('rm', [mark]);
  await run('touch', ['-d', '2001-01-01', join(h.kernel, 'fs/a.c')]);
  const base = await resolveSource({ tree: h.kernel }, ctx);
  t.equal((await applySeries(base, series(linkHunk('mm/l', 'wick.c')), ctx)).steps.length, 1);
  t.notOk((await readdir(h.dir)).includes('ran'), 'programs that ringlab ran');
});
