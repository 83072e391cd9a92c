import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { EventBody } from '../model/event.ts';
import type { Note } from '../model/note.ts';
import {
  bodyOf,
  diffOf,
  lorePage,
  mail,
  pipermailPage,
  posted,
  reply,
  trackerPage,
} from './fixtures/make.ts';
import { importSeries, writeMbox } from './index.ts';

const [lamp1, lamp2] = [
  { number: 1, total: 2 },
  { number: 2, total: 2, file: 'include/linux/lamp.h', word: 'blue' },
];

function context() {
  const notes: Note[] = [];
  const emit = (event: EventBody) => {
    if (event.type !== 'note') throw new Error(`importing emits notes only, not ${event.type}`);
    notes.push(event.note);
  };
  return { ctx: { signal: new AbortController().signal, emit }, notes };
}

/** Imports a text (or bytes) from a file in the test's folder. */
async function take(t: Test, content: string | Buffer, options = {}, file = 'thread') {
  const path = join(t.testdir(), file);
  await writeFile(path, content);
  const { ctx, notes } = context();
  return { path, series: await importSeries(path, options, ctx), notes };
}

/** The InputError of a text that cannot be imported. */
async function refused(t: Test, content: string | Buffer, ...patterns: RegExp[]) {
  const error: unknown = await take(t, content).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  t.type(error, InputError);
  for (const pattern of patterns) t.match((error as Error).message, pattern);
  return error as InputError;
}

t.test('an mbox keeps cover letter, order, authors, trailers and messages', async (t) => {
  const { series } = await take(t, posted({ number: 0, total: 2 }) + posted(lamp2) + posted(lamp1));
  t.match(series, {
    name: 'ring-new-lamps',
    title: 'ring: new lamps',
    version: 1,
    announced: 2,
    missing: [],
  });
  t.same(
    series.patches.map(({ subject }) => subject),
    ['ring: lamp 1', 'ring: lamp 2'],
  );
  t.match(series.patches[0], {
    author: { name: 'Ada Lamp', email: 'ada@ring.example' },
    date: 'Mon, 3 Mar 2025 10:00:00 +0100',
    body: 'Change lamp 1.\n\nSigned-off-by: Ada Lamp <ada@ring.example>',
    trailers: [{ key: 'Signed-off-by', value: 'Ada Lamp <ada@ring.example>' }],
    files: ['drivers/ring/lamp.c'],
    diff: diffOf(lamp1),
  });
  t.match(series.cover, /^Lamps want to be seen/);
  t.match(series.origin, { kind: 'mbox' });
});

t.test('gzip is recognised by the content, whatever the file is called', async (t) => {
  const { series } = await take(t, gzipSync(posted({ ...lamp1, total: 1 })), {}, 'series.txt');
  t.equal(series.patches.length, 1);
});

t.test(
  'of several versions the newest or the requested one is imported, with a note of the others',
  async (t) => {
    const old = posted({ number: 0, total: 1 }) + posted({ number: 1, total: 1, word: 'grey' });
    const newest =
      posted({ number: 0, total: 2, version: 3 }) +
      posted({ ...lamp1, version: 3 }) +
      posted({ ...lamp2, version: 3 });
    const { path, series, notes } = await take(t, old + newest);
    t.match(series, { version: 3, announced: 2 });
    t.same(notes, [
      {
        code: 'series.postings',
        subject: path,
        taken: { version: 3, title: 'ring: new lamps', patches: 2, total: 2 },
        left: [{ version: 1, title: 'ring: new lamps', patches: 1, total: 1 }],
      },
    ]);
    const first = await take(t, old + newest, { version: 1 });
    t.match(first.series.patches[0]?.diff, /GREY/);
    await t.rejects(take(t, old + newest, { version: 2 }), /no version 2[\s\S]*v1 .*v3/);
  },
);

t.test('a patch by another author in the thread is another posting', async (t) => {
  const other = mail('[PATCH 1/2] wick: own', bodyOf({ ...lamp1, word: 'wick' }), {
    From: 'Bob Wick <bob@wick.example>',
    'Message-ID': '<wick@ring.example>',
  });
  const { series } = await take(t, posted({ number: 0, total: 2 }) + posted(lamp1) + other + posted(lamp2));
  t.same(
    series.patches.map(({ author }) => author.name),
    ['Ada Lamp', 'Ada Lamp'],
  );
});

t.test('a reply adds trailers of its sender to patches, and never a patch', async (t) => {
  const quoted = bodyOf(lamp1).replace(/^/gm, '> ');
  const thread = [
    posted({ number: 0, total: 2 }),
    posted(lamp1),
    posted(lamp2),
    reply(lamp1, `${quoted}\nFine.\n\nReviewed-by: Bob Wick <bob@wick.example>\n`),
    reply({ number: 0, total: 2 }, 'Tested-by: Cy Fuse <cy@fuse.example>\n', 'Cy Fuse <cy@fuse.example>'),
    reply(lamp2, 'You could have\nAcked-by: Dee Other <dee@other.example>\n'),
  ];
  const { path, series, notes } = await take(t, thread.join(''));
  t.same(
    series.patches.map(({ trailers }) => trailers.map(({ key }) => key)),
    [
      ['Signed-off-by', 'Reviewed-by', 'Tested-by'],
      ['Signed-off-by', 'Tested-by'],
    ],
  );
  t.match(series.patches[0]?.body, /Signed-off-by: .*\nReviewed-by: Bob Wick <bob@wick.example>\nTested-by/);
  const line = 'Acked-by: Dee Other <dee@other.example>, in a mail of Bob Wick';
  t.same(notes, [{ code: 'series.trailer', subject: path, line }]);
});

t.test('a missing patch is listed, and of a repeated number the last patch is imported', async (t) => {
  const again = posted({ number: 3, total: 3, word: 'pink' }, { 'Message-ID': '<again@ring.example>' });
  const { path, series, notes } = await take(
    t,
    posted({ number: 1, total: 3 }) + posted({ number: 3, total: 3 }) + again,
  );
  t.same(series.missing, [2]);
  t.match(series.patches[1]?.diff, /PINK/);
  t.same(notes, [{ code: 'series.repeated', subject: path, patch: 3, where: `${path}, message 3` }]);
});

t.test('quoted-printable, base64, RFC 2047 words and in-body headers are decoded', async (t) => {
  const body = `From: Ünal Ring <unal@ring.example>\n\nFrom here on it is lit.\n\n${bodyOf({ ...lamp1, total: 1 })}`;
  const quotedPrintable = [...Buffer.from(body)]
    .map((byte) =>
      byte === 10
        ? '\n'
        : byte === 61 || byte > 126
          ? `=${byte.toString(16).toUpperCase()}`
          : String.fromCharCode(byte),
    )
    .join('');
  const mime = { 'MIME-Version': '1.0', 'Content-Type': 'text/plain; charset=UTF-8' };
  const subject = '=?UTF-8?q?[PATCH]_ring:_l=C3=A4mp?=';
  const plain = await take(t, mail(subject, body, mime));
  const printable = await take(
    t,
    mail(subject, quotedPrintable, { ...mime, 'Content-Transfer-Encoding': 'quoted-printable' }),
  );
  const packed = Buffer.from(body).toString('base64').replace(/.{70}/g, '$&\n');
  const based = await take(t, mail(subject, packed, { ...mime, 'Content-Transfer-Encoding': 'base64' }));
  t.match(plain.series.patches[0], {
    subject: 'ring: lämp',
    author: { name: 'Ünal Ring' },
    diff: diffOf(lamp1),
  });
  t.match(plain.series.patches[0]?.body, /^From here on it is lit\./);
  t.equal(printable.series.id, plain.series.id);
  t.equal(based.series.id, plain.series.id);
});

t.test('a patch whose tabs became blanks or whose lines were wrapped is an InputError', async (t) => {
  const rows = [' \tif (a)', ' \t\tb();', '-\treturn RED;', '+\treturn GREEN;', ' \tend();'];
  const deep = `diff --git a/fs/a.c b/fs/a.c\n--- a/fs/a.c\n+++ b/fs/a.c\n@@ -1,4 +1,4 @@\n${rows.join('\n')}\n`;
  const subject = '[PATCH] ring: one';
  t.equal((await take(t, mail(subject, deep))).series.patches.length, 1);
  await refused(t, mail(subject, deep.replaceAll('\t', '        ')), /tabs were turned into blanks/);
  await refused(t, mail(subject, deep.replace('return GREEN', '\nreturn GREEN')), /hunk @@ -1,4 \+1,4 @@/);
});

t.test('empty context lines stay in the diff with a note, and 300,000 blank lines are skipped', async (t) => {
  const bare = diffOf(lamp1).replace(/\n }\n$/, '\n\n');
  const { path, series, notes } = await take(
    t,
    mail('[PATCH] ring: one', `${bare}${'\n'.repeat(300_000)}-- \n2.39.5\n`),
  );
  t.equal(series.patches[0]?.diff, bare);
  t.same(notes, [{ code: 'series.blanks', subject: path, patch: 1, lines: 1 }]);
});

t.test('a diffstat that announces more than the diff has gives a note', async (t) => {
  const text = posted({ ...lamp1, total: 1 }).replace(
    '1 file changed, 1 insertion',
    '2 files changed, 3 insertions',
  );
  const { path, notes } = await take(t, text);
  const announced = { files: 2, added: 3, removed: 1 };
  const found = { files: 1, added: 1, removed: 1 };
  t.same(notes, [{ code: 'series.diffstat', subject: path, patch: 1, announced, found }]);
});

t.test('a hunk whose lines differ from the counts in its header is an InputError', async (t) => {
  const edited = (from: string, to: string) => posted({ ...lamp1, total: 1 }).replace(from, to);
  await refused(
    t,
    edited('@@ -1,4 +1,4 @@', '@@ -1,5 +1,5 @@'),
    /hunk @@ -1,5 \+1,5 @@ is cut off: it has 4 of 5 old/,
  );
  await refused(t, edited('@@ -1,4 +1,4 @@', '@@ -1,3 +1,3 @@'), /more lines than its header/);
  await refused(
    t,
    edited(' }\n', 'lost\n'),
    /interrupted after 3 of 4 old and 3 of 4 new lines by the line "lost"/,
  );
  const cut = posted({ ...lamp1, total: 1 });
  await refused(t, cut.slice(0, cut.indexOf('+\treturn')), /cut off/);
});

t.test('every path that leads out of the tree is an InputError, before git is run', async (t) => {
  const bad = ['../../etc/passwd', '/etc/passwd', '.git/hooks/post-checkout', 'fs/.GIT/config', 'a/../../x'];
  const body = bad.map((file) => diffOf({ file })).join('');
  const error = await refused(
    t,
    mail('[PATCH] escaping', body),
    /climbs out/,
    /absolute path/,
    /git's own folder/,
  );
  t.ok(error.problems.length >= bad.length);
  const link =
    'diff --git a/fs/l b/fs/l\nnew file mode 120000\n--- /dev/null\n+++ b/fs/l\n@@ -0,0 +1 @@\n+../../etc\n\\ No newline at end of file\n';
  await refused(t, mail('[PATCH] link', link), /symbolic link whose target leads out/);
  await refused(
    t,
    mail('[PATCH] quoted', diffOf({ file: 'x' }).replaceAll('a/x', '"a/\\056\\056/x"')),
    /climbs out/,
  );
  const bare = diffOf({ file: 'fs/x.c' }).replace(/ [ab]\//g, ' ');
  await refused(t, mail('[PATCH] no prefix', bare), /without a\/ and b\//);
  const rename = 'diff --git a/fs/x b/fs/y\nsimilarity index 100%\nrename from fs/x\nrename to ../y\n';
  await refused(t, mail('[PATCH] move', rename), /climbs out/);
});

t.test('a file without a patch is an InputError with the reason', async (t) => {
  await refused(t, '', /is empty/);
  await refused(t, ' \n\n', /is empty/);
  await refused(t, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3]), /binary/);
  await refused(t, gzipSync(posted(lamp1)).subarray(0, 80), /gzip data is damaged/);
  await refused(t, gzipSync(Buffer.alloc(100 << 20, 'a')), /more than 48 MiB when unpacked/);
  await refused(t, 'once upon a time\n', /neither a patch nor an mbox/);
  await refused(t, '<!DOCTYPE html><html>', /HTML/);
  await refused(
    t,
    Buffer.concat([Buffer.from('one\nb'), Buffer.from([0xff, 0xfe]), Buffer.from('\n')]),
    /thread:2: not UTF-8/,
  );
  const latin = Buffer.from(posted({ ...lamp1, total: 1, word: 'gr\u00fcn' }), 'latin1');
  await refused(t, latin, /does not fit its character set/);
  await refused(t, mail('hello', 'no patch here\n'), /no patch in it/, /b4 am/);
  await refused(t, posted({ number: 0, total: 2 }), /only the cover letter of 2/);
  const { ctx } = context();
  await t.rejects(importSeries('/no/such/thing', {}, ctx), /no such file, folder or git range/);
  await t.rejects(importSeries('/dev/null', {}, ctx), /neither a file nor a folder/);
});

t.test('a file of 100 MiB is refused without reading it', async (t) => {
  const path = join(t.testdir(), 'big');
  await run('truncate', ['-s', '100M', path]);
  await t.rejects(importSeries(path, {}, context().ctx), /it has 100 MiB\n.*at most 48 MiB/);
});

t.test('a public-inbox page gives patches, trailers of replies and foreign patches', async (t) => {
  const message = (number: number, extra: object = {}) => ({
    subject: `[RFC PATCHv2 ${number}/3] ring: lamp ${number}`,
    name: 'Ada Lamp',
    body: bodyOf({ number, total: 3, ...extra }),
  });
  const answer = {
    subject: 'Re: [RFC PATCHv2 1/3] ring: lamp 1',
    name: 'Bob Wick',
    body: '> diff --git a/x b/x\nReviewed-by: Bob Wick <b@w.example>',
  };
  const page = lorePage([
    message(0),
    message(1),
    message(2),
    message(3, { file: 'src/lamp/user.c' }),
    answer,
  ]);
  const { series, notes } = await take(t, page);
  t.match(series, {
    version: 2,
    announced: 3,
    missing: [],
    origin: { kind: 'page', detail: 'public-inbox thread' },
  });
  t.match(
    series.patches[0]?.author,
    { name: 'Ada Lamp', email: 'ada@ring.example' },
    'address from the Signed-off-by trailer',
  );
  t.match(series.patches[0]?.trailers[1], { key: 'Reviewed-by' });
  t.match(series.patches[0]?.diff, diffOf(lamp1));
  t.match(series.foreign, [{ patch: { number: 3 }, reason: /src\// }]);
  t.equal(series.patches.length, 2);
  t.same(notes, []);
});

t.test('a Patchwork page gives its patch, with trailers of comments', async (t) => {
  const page = trackerPage(
    { number: 2, total: 3 },
    `diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\nAcked-by: Bob Wick <b@w.example>\n`,
  );
  const { series } = await take(t, page);
  t.match(series, { title: 'ring: new lamps', announced: 3, missing: [1, 3] });
  t.match(series.patches, [{ number: 2, date: '2025-03-03T13:05:00.000Z', diff: diffOf({ number: 2 }) }]);
  t.match(series.patches[0]?.trailers[1], { key: 'Acked-by', value: 'Bob Wick <b@w.example>' });
});

t.test('an archived message gives its patch, but a reply or quoted patch is an InputError', async (t) => {
  const { series } = await take(t, pipermailPage('[PATCH] ring: lamp 1', bodyOf({ ...lamp1, total: 1 })));
  t.match(series.patches[0], {
    author: { email: 'ada@ring.example' },
    trailers: [{ value: 'Ada Lamp <ada@ring.example>' }],
    diff: diffOf(lamp1),
  });
  await refused(
    t,
    pipermailPage('Re: [PATCH] ring: lamp 1', '> text\nNice.'),
    /no patch in it: one message without a diff/,
  );
  const quoted = bodyOf(lamp1)
    .replace(/^/gm, '>')
    .replace('>-\treturn', '\nWhy?\n>-\treturn')
    .replace('> {\n', '');
  await refused(
    t,
    pipermailPage('[PATCH] ring: lamp 1', quoted),
    /quotes the patch/,
    /1 lines of comments/,
    /lines are missing/,
    /b4 am/,
  );
});

t.test('a diff without mail is named after its file, and a single mail is a series', async (t) => {
  const bare = await take(t, diffOf(lamp1), {}, 'my-lamp.diff');
  t.match(bare.series, { name: 'my-lamp', patches: [{ subject: 'my-lamp', diff: diffOf(lamp1) }] });
  t.same(bare.notes, [{ code: 'series.bare', subject: bare.path }]);
  const alone = posted({ ...lamp1, total: 1 }).replace(/^From mboxrd.*\n/, '');
  t.equal((await take(t, alone, { name: 'mine' })).series.name, 'mine');
  await t.rejects(take(t, alone, { name: '../x' }), /cannot be the name/);
});

t.test('a git range, a folder of its patches and the mbox written from it are the same series', async (t) => {
  const dir = t.testdir({ repo: { fs: { 'lamp.c': 'int lamp(void)\n{\n\treturn 0;\n}\n' } } });
  const repo = join(dir, 'repo');
  const git = (...args: string[]) =>
    run('git', ['-C', repo, '-c', 'user.name=Ädä, Lamp', '-c', 'user.email=ada@ring.example', ...args]);
  await git('init', '-q', '-b', 'main');
  await git('add', '.');
  await git('commit', '-q', '-m', 'base');
  for (const step of [1, 2]) {
    await writeFile(join(repo, 'fs/lamp.c'), `int lamp(void)\n{\n\treturn ${step};\r\n}\n`);
    await git(
      'commit',
      '-q',
      '-a',
      '-m',
      `ring: step ${step}\n\nFrom time to time.\n\n  --- not a cut\n\nSigned-off-by: Ädä <ada@ring.example>`,
    );
  }
  await git('config', 'diff.noprefix', 'true');
  await git(
    'format-patch',
    '-q',
    '--src-prefix=a/',
    '--dst-prefix=b/',
    '--full-index',
    '-o',
    join(dir, 'out'),
    'main~2',
  );
  const { ctx } = context();
  const range = await importSeries('main~2..main', { repo }, ctx);
  const folder = await importSeries(join(dir, 'out'), {}, ctx);
  await writeFile(join(dir, 'again'), writeMbox(range));
  const again = await importSeries(join(dir, 'again'), {}, ctx);
  t.match(range, { announced: 2, patches: [{ subject: 'ring: step 1', author: { name: 'Ädä, Lamp' } }, {}] });
  t.match(range.patches[0]?.body, /^From time to time/);
  t.match(range.patches[0]?.diff, /return 1;\r\n/);
  t.equal(folder.id, range.id);
  t.equal(again.id, range.id);

  await git('checkout', '-q', '-b', 'copy', 'main~2');
  await run('git', [
    '-C',
    repo,
    '-c',
    'user.name=x',
    '-c',
    'user.email=x@x',
    'am',
    '-q',
    '--quoted-cr=nowarn',
    '--patch-format=mboxrd',
    join(dir, 'again'),
  ]);
  const trees = await git('rev-parse', 'main^{tree}', 'copy^{tree}');
  t.equal(new Set(trees.stdout.trim().split('\n')).size, 1, 'trees of the range and of git am');
  await t.rejects(importSeries('main..main', { repo }, ctx), /0 commits/);
  await t.rejects(importSeries('nowhere..--all', { repo }, ctx), /no such file/);
  await t.rejects(importSeries('nowhere..there', { repo }, ctx), /"nowhere"[\s\S]*"there"/);
});

t.test(
  'a folder without patches is an InputError, and one without k/M has the order of its file names, gaps or not',
  async (t) => {
    const dir = t.testdir({ empty: {} });
    await t.rejects(importSeries(join(dir, 'empty'), {}, context().ctx), /no \*\.patch/);
    await mkdir(join(dir, 'plain'));
    const body = (word: string) =>
      mail(`ring: ${word}`, bodyOf({ ...lamp1, word })).replace(/^From mboxrd.*\n/, '');
    await writeFile(join(dir, 'plain/0001-a.patch'), body('a'));
    await writeFile(join(dir, 'plain/0003-c.patch'), body('c'));
    const series = await importSeries(join(dir, 'plain'), {}, context().ctx);
    t.match(series, { announced: 2, missing: [], patches: [{ subject: 'ring: a' }, { subject: 'ring: c' }] });
  },
);

const { RINGLAB_SEEDS } = process.env;
const skip = RINGLAB_SEEDS ? false : 'RINGLAB_SEEDS names no folder of saved threads';

t.test('saved threads are imported, or refused with how to fetch their patches', { skip }, async (t) => {
  const dir = RINGLAB_SEEDS ?? '';
  const files = (await readdir(dir)).sort();
  const path = (number: number) => join(dir, files[number] ?? '');
  const get = (number: number) => importSeries(path(number), {}, context().ctx);
  const checkDiffs = async (number: number) => {
    const page = await readFile(path(number), 'utf8');
    const { patches, foreign } = await get(number);
    for (const { diff } of [...patches, ...foreign.map(({ patch }) => patch)])
      t.ok(page.includes(diff.trimEnd()));
  };
  for (const number of [0, 2, 4]) await checkDiffs(number);
  t.match(await get(0), {
    patches: [{ number: 17, author: { name: 'Anuj Gupta', email: 'anuj20.g@samsung.com' } }],
  });
  const group = await get(2);
  t.same(
    group.patches.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  t.match(group, { announced: 9, missing: [], foreign: [{ patch: { number: 9 } }] });
  const dma = await get(4);
  t.match(dma, { version: 3, announced: 7, missing: [], foreign: [] });
  t.ok(dma.patches.length === 7 && dma.patches.every(({ author }) => author.email === 'kbusch@kernel.org'));
  await t.rejects(get(1), { name: 'InputError', message: /no patch in it[\s\S]*t\.mbox\.gz[\s\S]*b4 am/ });
  await t.rejects(get(3), {
    name: 'InputError',
    message: /quotes the patch[\s\S]*comments[\s\S]*missing[\s\S]*b4 am/,
  });
});
