import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { Note } from '../model/note.ts';
import { bodyOf, diffOf, mail, posted, reply } from './fixtures/make.ts';
import { importSeries } from './index.ts';

/** Kinds of series that real mails, archives and distributions have, each as git takes it. */

async function takePath(path: string, options = {}) {
  const notes: Note[] = [];
  const emit = (event: { type: string }) => {
    if (event.type === 'note') notes.push((event as unknown as { note: Note }).note);
  };
  const series = await importSeries(path, options, { signal: new AbortController().signal, emit });
  return { series, notes, titles: series.patches.map(({ subject }) => subject) };
}

async function take(t: Test, content: string | Buffer, options = {}, file = 'thread') {
  const path = join(t.testdir(), file);
  await writeFile(path, content);
  return takePath(path, options);
}

/** Files of a folder. */
async function folder(t: Test, files: Record<string, string | Buffer>): Promise<string> {
  const dir = join(t.testdir({ given: {} }), 'given');
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(dir, name, '..'), { recursive: true });
    await writeFile(join(dir, name), content);
  }
  return dir;
}

const codes = (notes: readonly Note[]) => notes.map(({ code }) => code);
const bob = { From: 'Bob Wick <bob@wick.example>' };
const file = (number: number) => `drivers/ring/lamp${number}.c`;
const patch = (subject: string, extra: Record<string, string> = {}, number = 1) =>
  mail(subject, bodyOf({ number, total: 1, file: file(number) }), extra);

t.test(
  'patches of several authors without In-Reply-To are one series, in an mbox and in a folder',
  async (t) => {
    const mails = [patch('[PATCH 1/3] a'), patch('[PATCH 2/3] b', bob), patch('[PATCH 3/3] c')];
    t.match(await take(t, mails.join('')), { titles: ['a', 'b', 'c'], series: { missing: [] }, notes: [] });
    const dir = await folder(t, Object.fromEntries(mails.map((text, at) => [`000${at + 1}-x.patch`, text])));
    t.match(await takePath(dir), { titles: ['a', 'b', 'c'], series: { missing: [] }, notes: [] });
  },
);

t.test(
  'an mbox without k/M is one series in its order, also with equal titles or without any prefix',
  async (t) => {
    const three = [patch('[PATCH] b'), patch('[PATCH] a', bob), patch('[PATCH] b')].join('');
    const { series, titles, notes } = await take(t, three);
    t.same(titles, ['b', 'a', 'b']);
    t.match(series, { announced: 3, missing: [] });
    t.same(notes, []);
    t.same(
      (await take(t, patch('x: b') + patch('x: a', bob))).titles,
      ['x: b', 'x: a'],
      'titles as git format-patch -k writes them',
    );
  },
);

t.test('prefixes with commas, "of" or without blanks give number, total and version', async (t) => {
  const prefixes: [string, number][] = [
    ['[net-next,v2,K/2]', 2],
    ['[PATCH v6,K/2]', 6],
    ['[PATCHK/2]', 1],
    ['[PATCH K of 2]', 1],
    ['[PATCH K/2, v2]', 2],
    ['[PATCH v2-K/2]', 2],
    ['[PATCH 6.12 v3 K/2]', 3],
    ['[PATCH v4 K/2]:', 4],
  ];
  for (const [prefix, version] of prefixes) {
    const two = [1, 2].map((number) => patch(`${prefix.replace('K', String(number))} ring: ${number}`));
    const { series, titles } = await take(t, two.join(''));
    t.same([titles, series.version, series.missing], [['ring: 1', 'ring: 2'], version, []], prefix);
  }
});

t.test(
  'a posting that answers another with the same total is taken alone, with its own cover letter',
  async (t) => {
    const old = [0, 1, 2].map((number) => posted({ number, total: 2 })).join('');
    const cover = (prefix: string) =>
      mail(`[${prefix} 0/2] again`, 'New.\n', {
        'Message-ID': '<n@x>',
        'In-Reply-To': '<v1-0@ring.example>',
        Date: 'Tue, 4 Mar 2025 10:00:00 +0100',
      });
    for (const prefix of ['PATCH', 'PATCH RESEND', 'RFC PATCH']) {
      const again = patch(`[${prefix} 2/2] second`, { 'Message-ID': '<n2@x>', 'In-Reply-To': '<n@x>' });
      const { series, titles, notes } = await take(t, old + cover(prefix) + again);
      t.match(series, { title: 'again', missing: [1] }, prefix);
      t.same([titles, codes(notes)], [['second'], ['series.postings']], prefix);
    }
  },
);

t.test(
  'a patch by another sender never replaces one of the author, and one without In-Reply-To fills no other posting',
  async (t) => {
    const theirs = patch('[PATCH 2/2] theirs', {
      ...bob,
      'In-Reply-To': '<v1-0@ring.example>',
      'Message-ID': '<b@x>',
    });
    const thread = [
      posted({ number: 0, total: 2 }),
      posted({ number: 1, total: 2 }),
      theirs,
      posted({ number: 2, total: 2 }),
    ];
    const { titles, notes } = await take(t, thread.join(''));
    t.same(titles, ['ring: lamp 1', 'ring: lamp 2']);
    t.match(notes, [{ code: 'series.postings', left: [{ title: 'theirs', patches: 1 }] }]);
  },
);

t.test('a new version of one patch keeps the others of the earlier version, with a note', async (t) => {
  const v1 = [0, 1, 2, 3].map((number) => posted({ number, total: 3, file: file(number) })).join('');
  const again = (subject: string, to: number) =>
    patch(subject, { 'Message-ID': '<again@x>', 'In-Reply-To': `<v1-${to}@ring.example>` }, 2);
  for (const text of [
    again('[PATCH v2 2/3] better', 2),
    again('[PATCH v2] better', 2),
    again('[PATCH v2 2/3] ring: lamp 2', 0),
  ]) {
    const { series, notes } = await take(t, v1 + text);
    t.match(series, { version: 2, announced: 3, missing: [], title: 'ring: new lamps' });
    t.same(
      notes.map(({ subject: _subject, ...note }) => note),
      [{ code: 'series.reroll', version: 2, earlier: 1, kept: [1, 3] }],
    );
  }
  t.match((await take(t, v1 + again('[PATCH v2 2/3] better', 2), { version: 1 })).titles, [
    'ring: lamp 1',
    'ring: lamp 2',
    'ring: lamp 3',
  ]);
});

t.test('a higher version by another sender does not take the place of the series', async (t) => {
  const theirs = patch('[PATCH v7] mine', {
    ...bob,
    'Message-ID': '<b@x>',
    'In-Reply-To': '<v1-1@ring.example>',
  });
  const { series, notes } = await take(t, posted({ number: 1, total: 1 }) + theirs);
  t.match(series, { version: 1, title: 'ring: lamp 1' });
  t.same(codes(notes), ['series.postings']);
});

t.test(
  'the series file of a quilt folder gives patches and order, and a note what it does not mention',
  async (t) => {
    const plain = (title: string) =>
      `From: Ada Lamp <ada@ring.example>\nSubject: ${title}\n\nText.\n---\n\n${diffOf()}`;
    const files = {
      'aa.patch': plain('second'),
      'zz.patch': plain('first'),
      'off.patch': plain('off'),
      'new.patch': plain('new'),
    };
    const dir = await folder(t, { ...files, series: '# queue\nzz.patch\naa.patch -p1 # why\n#off.patch\n' });
    const { titles, notes } = await takePath(dir);
    t.same(titles, ['first', 'second']);
    t.match(notes, [{ code: 'series.unlisted', files: ['new.patch'], count: 1 }]);
    await writeFile(join(dir, 'series'), '../zz.patch\n/etc/passwd\naa.patch -p0\naa.patch -R\n');
    await t.rejects(takePath(dir), {
      name: 'InputError',
      message: /leads out[\s\S]*leads out[\s\S]*-p0[\s\S]*-R/,
    });
  },
);

t.test(
  'a folder has all mails of its files, packed ones too, and the newest of several versions',
  async (t) => {
    const dir = await folder(t, {
      '0100-a.patch': patch('[PATCH] a') + patch('[PATCH] b'),
      '0200-c.patch.gz': gzipSync(patch('[PATCH] c')),
    });
    t.match(await takePath(dir), {
      titles: ['a', 'b', 'c'],
      series: { announced: 3, missing: [] },
      notes: [],
    });
    const two = await folder(t, {
      '0001-a.patch': patch('[PATCH] old'),
      'v2-0001-a.patch': patch('[PATCH v2] new'),
    });
    t.match(await takePath(two), {
      titles: ['new'],
      series: { version: 2 },
      notes: [{ code: 'series.versions', taken: 2, left: 1 }],
    });
    t.match(await takePath(two, { version: 1 }), { titles: ['old'] });
    await symlink('nowhere', join(two, 'v2-0002-b.patch'));
    await t.rejects(takePath(two), { name: 'InputError', message: /link to none/ });
  },
);

t.test('a folder of b4 am, a maildir and packed mboxes are read', async (t) => {
  const [cover = '', first = '', second = ''] = [0, 1, 2].map((number) =>
    posted({ number, total: 2, version: 2 }),
  );
  const b4 = await folder(t, { 'v2_x.cover': cover, 'v2_x.mbx': first + second });
  const bare = (text: string) => text.replace(/^From .*\n/, '');
  const maildir = await folder(t, {
    'new/2.b': bare(second),
    'cur/1.a:2,S': bare(first),
    'cur/0.c:2,': bare(cover),
    'tmp/x': '',
  });
  for (const dir of [b4, maildir])
    t.match(await takePath(dir), {
      titles: ['ring: lamp 1', 'ring: lamp 2'],
      series: { version: 2, title: 'ring: new lamps' },
      notes: [],
    });
  for (const packer of ['xz', 'bzip2', 'zstd']) {
    const path = join(await folder(t, { 'x.mbox': cover + first + second }), 'x.mbox');
    await run(packer, ['-q', path]);
    const packed = `${path}.${{ xz: 'xz', bzip2: 'bz2', zstd: 'zst' }[packer]}`;
    t.equal((await takePath(packed)).titles.length, 2, `patches packed with ${packer}`);
    await run('truncate', ['-s', '60', packed]);
    await t.rejects(takePath(packed), { name: 'InputError', message: /data is damaged/ });
  }
});

t.test('a packed bomb is refused at the limit, whatever packs it', async (t) => {
  for (const packer of ['xz', 'bzip2', 'zstd']) {
    const path = join(t.testdir(), 'bomb');
    await run('truncate', ['-s', '200M', path]);
    await run(packer, ['-q', '-1', path]);
    const packed = `${path}.${{ xz: 'xz', bzip2: 'bz2', zstd: 'zst' }[packer]}`;
    await t.rejects(
      takePath(packed),
      { name: 'InputError', message: /more than 48 MiB when unpacked/ },
      packer,
    );
  }
});

t.test(
  'a diff of over 1 MiB, a DEP-3 header, a title line, git log and hg export are read in a folder and alone',
  async (t) => {
    const large = `diff --git a/fs/x b/fs/x\nnew file mode 100644\n--- /dev/null\n+++ b/fs/x\n@@ -0,0 +1,90000 @@\n${'+a line of text\n'.repeat(90_000)}`;
    const texts: [string, string, string, string][] = [
      ['large', large, 'given', 'unknown'],
      [
        'DEP-3',
        `Description: make it green\n Long text.\nAuthor: Ada Lamp <a@b.c>\nForwarded: no\n\n${diffOf()}`,
        'make it green',
        'Ada Lamp',
      ],
      [
        'quilt',
        `make it green\n\nSigned-off-by: Ada <a@b.c>\n\nIndex: x\n${diffOf()}`,
        'make it green',
        'unknown',
      ],
      [
        'stgit',
        `make it green\n\nFrom: Ada Lamp <a@b.c>\n\nText.\n---\n\n${diffOf()}`,
        'make it green',
        'Ada Lamp',
      ],
      [
        'log',
        `commit 0123456789abcdef\nAuthor: Ada Lamp <a@b.c>\nDate:   Mon Mar 3 10:00:00 2025 +0100\n\n    make it green\n\n    Text.\n\n${diffOf()}`,
        'make it green',
        'Ada Lamp',
      ],
      [
        'hg',
        `# HG changeset patch\n# User Ada Lamp <a@b.c>\n# Date 1741000000 0\nmake it green\n\nText.\n\n${diffOf()}`,
        'make it green',
        'Ada Lamp',
      ],
    ];
    for (const [name, text, title, author] of texts) {
      const dir = await folder(t, { 'given.patch': text });
      for (const path of [dir, join(dir, 'given.patch')]) {
        const { series } = await takePath(path);
        t.match(series.patches, [{ subject: title, author: { name: author } }], name);
        t.notMatch(series.patches[0]?.body, /^(?:Author|From|Index|commit)/m, `${name}: message`);
      }
    }
    const log = [1, 2].map(
      (at) => `commit 012345${at}\nAuthor: A <a@b.c>\n\n    title ${at}\n\n${diffOf({ file: file(at) })}\n`,
    );
    t.same((await take(t, log.join(''))).titles, ['title 1', 'title 2'], 'commits of git log');
  },
);

t.test('what stands behind a signature or in a second attachment is part of the patch', async (t) => {
  const second = diffOf({ file: 'drivers/ring/second.c' });
  const behind = await take(t, mail('[PATCH] x', `${bodyOf({ number: 1, total: 1 })}\n${second}`));
  t.same(behind.series.patches[0]?.files, ['drivers/ring/lamp.c', 'drivers/ring/second.c']);
  const part = (type: string, text: string) => `--B\nContent-Type: ${type}\n\n${text}\n`;
  const parts = [
    part('text/plain', 'Text.'),
    part('text/x-patch; name=1.patch', diffOf()),
    part('application/octet-stream; name=2', second),
  ];
  const mime = { 'Content-Type': 'multipart/mixed; boundary=B' };
  const attached = await take(t, mail('[PATCH] x', `${parts.join('')}--B--\n`, mime));
  t.same(attached.series.patches[0]?.files, ['drivers/ring/lamp.c', 'drivers/ring/second.c']);
  const image = part('image/png; name=a.png', 'PNG');
  const { notes } = await take(t, mail('[PATCH] x', `${parts.slice(0, 2).join('')}${image}--B--\n`, mime));
  t.match(notes, [{ code: 'series.attachment', patch: 1, type: 'image/png', name: 'a.png' }]);
  const between = await take(t, mail('[PATCH] x', `${diffOf()}\nAnd also:\n\n${second}`));
  t.match(between.notes, [{ code: 'series.ignored', lines: 1, first: 'And also:' }]);
});

t.test(
  'an mbox is recognised behind a BOM, blank lines or text, with any date and without blank lines',
  async (t) => {
    const [one, two] = [patch('[PATCH 1/2] a'), patch('[PATCH 2/2] b')];
    const withFrom = (line: string) => [one, two].map((text) => text.replace(/^From .*/, line)).join('\n');
    const variants: [string, string][] = [
      ['short From lines', withFrom('From A')],
      ['ISO dates', withFrom('From ada@ring.example 2025-03-03T10:00:00Z')],
      ['a BOM', `\ufeff${one}${two}`],
      ['a blank line', `\n${one}${two}`],
      ['no blank line between', (one + two).replace(/\n+(?=From mboxrd)/g, '\n')],
      ['no first From line', (one + two).replace(/^From .*\n/, '')],
      ['CRLF', (one + two).replaceAll('\n', '\r\n')],
    ];
    for (const [name, text] of variants)
      t.match(await take(t, text), { titles: ['a', 'b'], notes: [] }, name);
    t.match(await take(t, `Saved by hand.\n\n${one}${two}`), {
      titles: ['a', 'b'],
      notes: [{ code: 'series.preamble', lines: 1 }],
    });
    const quoting = mail(
      '[PATCH] a',
      `From the start:\nNote: this\n\nFrom A\n\n${bodyOf({ number: 1, total: 1 })}`,
    ).replace('>From', 'From');
    t.equal((await take(t, quoting)).series.patches.length, 1, 'prose that begins with From');
  },
);

t.test(
  'code that is indented with blanks is taken when its style or another patch of the sender shows it',
  async (t) => {
    const code = (rows: string[]) =>
      `diff --git a/lib/z.c b/lib/z.c\n--- a/lib/z.c\n+++ b/lib/z.c\n@@ -1,3 +1,4 @@\n${rows.join('\n')}\n`;
    const deep = [' size_t f()', '         a();', '         b();', '+        c();'];
    t.equal(
      (await take(t, mail('[PATCH] x', code([' size_t f()', '     a();', '         b();', '+        c();']))))
        .titles.length,
      1,
    );
    await t.rejects(take(t, mail('[PATCH] x', code(deep))), /tabs were turned into blanks/);
    t.equal((await take(t, mail('[PATCH 1/2] x', code(deep)) + patch('[PATCH 2/2] y'))).titles.length, 2);
  },
);

t.test('the diffs of diff -urN, with the lines that diff writes between files, are one patch', async (t) => {
  const one = (name: string) =>
    `diff -urN old/${name} new/${name}\n--- old/${name}\t2025-01-01 00:00:00.000000000 +0000\n+++ new/${name}\t2025-01-02 00:00:00.000000000 +0000\n@@ -1 +1 @@\n-a\n+b\n`;
  const { series } = await take(t, `${one('fs/a.c')}Only in old/fs: x\n${one('fs/b.c')}`);
  t.same(series.patches[0]?.files, ['fs/a.c', 'fs/b.c']);
});

t.test(
  'the bytes of a diff are kept whatever its character set says, and the message is decoded',
  async (t) => {
    const utf8 = { 'Content-Type': 'text/plain; charset=us-ascii', 'Content-Transfer-Encoding': '8bit' };
    const kept = await take(t, mail('[PATCH] x', `Ü.\n---\n${diffOf({ word: 'gr\u00fcn' })}`, utf8));
    t.match(kept.series.patches[0], { body: 'Ü.', diff: diffOf({ word: 'gr\u00fcn' }) });
    const cp = {
      'Content-Type': 'text/plain; charset=windows-1252',
      'Content-Transfer-Encoding': 'quoted-printable',
    };
    const converted = await take(
      t,
      mail(
        '[PATCH] x',
        `=93a=94 =80\n---\n${diffOf()
          .replace('GREEN', 'GR=DCN')
          .replace(/=(?!DC)/g, '=3D')}`,
        cp,
      ),
    );
    t.match(converted.series.patches[0], {
      body: '\u201ca\u201d \u20ac',
      diff: diffOf({ word: 'gr\u00fcn' }),
    });
    t.match(converted.notes, [{ code: 'series.charset', patch: 1, charset: 'windows-1252' }]);
    const latin = Buffer.from(mail('[PATCH] x', `Gr\u00fcn.\n---\n${diffOf()}`), 'latin1');
    t.match(
      (await take(t, latin)).series.patches[0]?.body,
      'Gr\u00fcn.',
      'a message without a label that is not UTF-8',
    );
  },
);

t.test('a body of any type is read, and each forwarded message or mail of a digest is a patch', async (t) => {
  const octets = await take(
    t,
    mail('[PATCH] x', bodyOf({ number: 1, total: 1 }), { 'Content-Type': 'application/octet-stream; a=b' }),
  );
  t.equal(octets.titles.length, 1);
  const inner = [1, 2].map((number) => posted({ number, total: 2 }).replace(/^From .*\n/, ''));
  for (const [type, header] of [
    ['mixed', 'Content-Type: message/rfc822\n'],
    ['digest', ''],
  ] as const) {
    const body = `${inner.map((text) => `--B\n${header}\n${text}\n`).join('')}--B--\n`;
    const { titles } = await take(
      t,
      mail('Fwd: two', body, { 'Content-Type': `multipart/${type}; boundary=B` }),
    );
    t.same(titles, ['ring: lamp 1', 'ring: lamp 2'], type);
  }
});

t.test('headers in a body may be folded and encoded, and no more than one of a name', async (t) => {
  const head =
    'From: =?UTF-8?q?J=C3=B6rg_=C3=96l?=\n <oel@ring.example>\nSubject: [PATCH v3] a long\n title\nDate: Tue, 4 Mar 2025 10:00:00 +0100\n\nFrom: not a header\n';
  const { series } = await take(t, mail('[PATCH] x', head + bodyOf({ number: 1, total: 1 })));
  t.match(series.patches[0], {
    author: { name: 'Jörg Öl', email: 'oel@ring.example' },
    subject: 'a long title',
    date: /4 Mar/,
    body: /^From: not a header/,
  });
});

t.test(
  'a forwarded patch, a title that begins with re and a single reply with a diff are taken',
  async (t) => {
    for (const subject of ['Fwd: [PATCH] a', '[PATCH] re: a', 'Re: [PATCH] a'])
      t.same((await take(t, patch(subject))).titles, ['a'], subject);
  },
);

t.test('a diff in a reply, in a cover letter, and a mail without one are noted', async (t) => {
  const thread = [
    mail('[PATCH 0/2] ring', `Interdiff:\n\n${diffOf()}`, { 'Message-ID': '<v1-0@ring.example>' }),
    posted({ number: 1, total: 2 }),
    mail('[PATCH 2/2] lost', 'see http\n'),
    reply({ number: 1, total: 2 }, `Try this:\n${diffOf()}`),
  ];
  const { series, notes } = await take(t, thread.join(''));
  t.same(series.missing, [2]);
  t.match(notes, [
    {
      code: 'series.left',
      count: 3,
      mails: [{ reason: 'cover' }, { reason: 'no-diff' }, { reason: 'reply' }],
    },
  ]);
  await t.rejects(take(t, thread[0] ?? ''), {
    name: 'InputError',
    message: /only the cover letter of 2 patches/,
  });
  t.same((await take(t, patch('[PATCH 0/0] ring'))).titles, ['ring'], 'a patch numbered 0/0');
});

t.test(
  'a series keeps its notes without the folder of its source, and strict makes each a problem',
  async (t) => {
    const thread = posted({ number: 1, total: 2 }) + reply({ number: 1, total: 2 }, `Try:\n${diffOf()}`);
    const { series } = await take(t, thread);
    t.match(series.notes, [
      { code: 'series.left', subject: 'thread', mails: [{ where: 'thread, message 2' }] },
    ]);
    const message = /left 1 mails: .*a diff in a reply[\s\S]*1 of 2 patches are missing/;
    await t.rejects(take(t, thread, { strict: true }), { name: 'InputError', message });
    t.equal(
      (await take(t, posted({ number: 1, total: 1 }), { strict: true })).series.notes?.length,
      0,
      'notes of a whole series',
    );
  },
);

t.test('a reply without Re: and with links in addresses adds its trailer', async (t) => {
  const answer = mail(
    'ring: lamp 1',
    'Fine.\n\nReviewed-by: Bob Wick <bob@wick.example<mailto:bob@wick.example>>\n',
    { ...bob, 'In-Reply-To': '<v1-1@ring.example>' },
  );
  const { series } = await take(t, posted({ number: 1, total: 1 }) + answer);
  t.match(series.patches[0]?.trailers[1], { key: 'Reviewed-by', value: 'Bob Wick <bob@wick.example>' });
});

t.test('a removed line "- " before a blank line is no signature', async (t) => {
  const diff = 'diff --git a/fs/a b/fs/a\n--- a/fs/a\n+++ b/fs/a\n@@ -1,3 +1,2 @@\n a\n-- \n \n-- \n2.39.5\n';
  const { series } = await take(t, mail('[PATCH] x', diff));
  t.match(series.patches[0]?.diff, /\n-- \n \n$/);
});

t.test(
  'a changed target of a link, a link as binary data and a moved submodule are InputErrors',
  async (t) => {
    const changed = (mode: string, rest: string) =>
      `diff --git a/fs/l b/fs/l\nindex 2222222..1111111 ${mode}\n${rest}`;
    const text = (target: string) => `--- a/fs/l\n+++ b/fs/l\n@@ -1 +1 @@\n-ext4\n+${target}\n`;
    const refused: [string, RegExp][] = [
      [changed('120000', text('../../../etc/passwd')), /target leads out of the tree/],
      [
        changed('120000', 'GIT binary patch\nliteral 1\nIcmZPo000310RR91\n\nliteral 0\nHcmV?d00001\n\n'),
        /link as binary data/,
      ],
      [changed('160000', text('Subproject commit 1')), /a submodule/],
    ];
    for (const [diff, message] of refused)
      await t.rejects(take(t, mail('[PATCH] x', diff)), { name: 'InputError', message });
  },
);

t.test('a subject of nothing but "re:" keeps the last one, as git mailinfo does', async (t) => {
  for (const [subject, title] of [
    ['re: re:', 're:'],
    ['[PATCH] re: Re:', 'Re:'],
    ['re: re: a', 'a'],
  ] as const)
    t.same((await take(t, mail(subject, bodyOf({ number: 1, total: 1 })))).titles, [title], subject);
});

t.test('an archived message without a patch is refused with how to fetch the thread', async (t) => {
  const text =
    'Re: ring: lamps\n\nFrom: Ada Lamp\nDate: Mon Mar 03 2025 - 10:00:00 EST\n\n\nOn Mon, Bob wrote:\n> words\n\nYes.\n';
  await t.rejects(take(t, text), { name: 'InputError', message: /no patch in it[\s\S]*t\.mbox\.gz/ });
});

t.test('names of authors are those of git mailinfo', async (t) => {
  const names: [string, string, string][] = [
    [
      'Ada (zz)\n      Q\n      Lamp\n      <ada@ring.example> (note)',
      'Ada (zz) Q Lamp (note)',
      'ada@ring.example',
    ],
    ['ada@ring.example (Ada Lamp)', 'Ada Lamp', 'ada@ring.example'],
    ['"Lamp, Ada" <ada@ring.example>', 'Lamp, Ada', 'ada@ring.example'],
    ['Ada Lamp <ada>', 'Ada Lamp', 'ada'],
    ['<ada@ring.example>', 'ada@ring.example', 'ada@ring.example'],
  ];
  for (const [From, name, email] of names)
    t.match((await take(t, patch('[PATCH] x', { From }))).series.patches[0]?.author, { name, email }, From);
});

t.test(
  'ten thousand single mails and a chain of ten thousand replies take less than five seconds',
  async (t) => {
    const single = (at: number) =>
      mail(`[PATCH] ring: lamp ${at}`, `---\n${diffOf({ file: file(at) })}`, { 'Message-ID': `<${at}@x>` });
    const answer = (at: number) =>
      mail('Re: [PATCH] ring: lamp 0', 'x\n', {
        'Message-ID': `<r${at}@x>`,
        'In-Reply-To': at === 0 ? '<0@x>' : `<r${at - 1}@x>`,
      });
    const many = (count: number, make: (at: number) => string) =>
      Array.from({ length: count }, (_, at) => make(at)).join('');
    for (const [name, text] of [
      ['mails', many(10_000, single)],
      ['replies', single(0) + many(10_000, answer)],
    ] as const) {
      const began = process.cpuUsage();
      const error: unknown = await take(t, text).catch((reason: unknown) => reason);
      const { user, system } = process.cpuUsage(began);
      if (name === 'mails') t.ok(error instanceof InputError && /10000 patches/.test(error.message));
      t.ok(user + system < 5e6, `CPU ms for 10,000 ${name}: ${((user + system) / 1000).toFixed()}`);
    }
  },
);
