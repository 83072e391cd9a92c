import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { Note } from '../model/note.ts';
import { bodyOf, diffOf, mail, pipermailPage, posted, reply, trackerPage } from './fixtures/make.ts';
import { importSeries, writeMbox } from './index.ts';

/** What strangers may feed the importer: it refuses or imports each in bounded time and memory. */

function context() {
  const notes: Note[] = [];
  const emit = (event: { type: string }) => {
    if (event.type === 'note') notes.push((event as unknown as { note: Note }).note);
  };
  return { ctx: { signal: new AbortController().signal, emit }, notes };
}

async function take(t: Test, content: string | Buffer) {
  const path = join(t.testdir(), 'thread');
  await writeFile(path, content);
  const { ctx, notes } = context();
  return { series: await importSeries(path, {}, ctx), notes };
}

async function refused(t: Test, content: string | Buffer, pattern: RegExp) {
  const error: unknown = await take(t, content).catch((reason: unknown) => reason);
  t.type(error, InputError);
  t.match((error as Error).message, pattern);
  t.ok((error as Error).message.length < 20_000, 'length of the message');
  return error as InputError;
}

const one = { number: 1, total: 1 };
/** A hunk of `count` context lines. */
const hunkOf = (line: string, count: number) =>
  `diff --git a/fs/a.c b/fs/a.c\n--- a/fs/a.c\n+++ b/fs/a.c\n@@ -1,${count} +1,${count + 1} @@\n${`${line}\n`.repeat(count)}+x\n`;

t.test('lines of blanks, slashes, brackets and quotes are read in linear time', async (t) => {
  const page = pipermailPage('[PATCH] x', bodyOf(one));
  const blanks = ' '.repeat(400_000);
  const slow: [string, string][] = [
    ['a name before blanks', `Lamp\nFrom: a${blanks}b\nDate: 3 Mar 2025\n\n${diffOf(one)}`],
    ['addresses of an archive', page.replace('Change lamp', `${'<'.repeat(400_000)}\nChange lamp`)],
    ['blank context lines', mail('[PATCH] x', hunkOf(' '.repeat(12), 300_000))],
    ['names of a header', mail('[PATCH] x', `diff --git ${'/ '.repeat(4900)}\n${diffOf(one)}`)],
    ['quotes of a header', mail('[PATCH] x', `diff --git ${'"\\'.repeat(4900)}\n${diffOf(one)}`)],
    ['quoted replies', mail('Re: [PATCH] x', `${'> '.repeat(200_000)}\n`.repeat(4))],
    ['a message id', `Message ID ${'x'.repeat(400_000)}\nCommit Message\nPatch\n${diffOf(one)}`],
    ['trailers', mail('[PATCH] x', `${'Acked-by: '.repeat(40_000)}\n${bodyOf(one)}`)],
    ['an author', mail('[PATCH] x', bodyOf(one), { From: `${'"<'.repeat(20_000)}a@b` })],
    ['encoded words', mail(`[PATCH] ${'=?UTF-8?q?=41?= '.repeat(20_000)}`, bodyOf(one))],
  ];
  for (const [name, text] of slow) {
    const began = performance.now();
    await take(t, text).catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
    });
    const ms = performance.now() - began;
    t.ok(ms < 20_000, `ms for ${name}: ${ms.toFixed()}`);
  }
});

/** CPU ms of an import, whether it is refused or not: the least of three. */
async function cost(t: Test, text: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3; turn++) {
    const began = process.cpuUsage();
    await take(t, text).catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
    });
    const { user, system } = process.cpuUsage(began);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

t.test('twice the length of a repetitive line or list takes about twice the time', async (t) => {
  const tracker = trackerPage(one, 'fine');
  const patch = posted(one);
  const shapes: [string, number, (count: number) => string][] = [
    ['times in a From line', 20_000, (n) => `${patch}\nFrom x ${'11:11 '.repeat(n)}\n`],
    ['times in the first line', 10_000, (n) => `From x ${'11:11 '.repeat(n)}\n`],
    ['short From lines', 3000, (n) => `${patch}${`\nFrom x ${'1:11:11 '.repeat(30)}\n`.repeat(n)}`],
    ['open quotes', 20, (n) => mail('[PATCH] x', `diff --git "${'\\"'.repeat(4800)}\n`.repeat(n))],
    [
      'brackets in replies',
      100,
      (n) => patch + reply(one, `Acked-by: b${'<'.repeat(480)}${'>'.repeat(480)}\n`.repeat(n)),
    ],
    ['blanks in authors', 100, (n) => mail('[PATCH] x', `From: a${' '.repeat(980)}b\n`.repeat(n))],
    ['blanks in a series', 20_000, (n) => tracker.replace('new lamps |', `new${' '.repeat(n)}lamps |`)],
    ['zones in a date', 20_000, (n) => mail('[PATCH] x', bodyOf(one), { Date: ' +0100 ('.repeat(n) })],
    [
      'brackets of a sender',
      250,
      (n) => `Lamp\nFrom: ${'<'.repeat(n)}${'@'.repeat(n)}\nDate: 3 Mar 2025\n\nx`,
    ],
    ['prefixes of a subject', 50_000, (n) => mail('Re: '.repeat(n), bodyOf(one))],
    [
      'targets of a link',
      2000,
      (n) =>
        mail(
          '[PATCH] x',
          `diff --git a/fs/l b/fs/l\nnew file mode 120000\n--- /dev/null\n+++ b/fs/l\n@@ -0,0 +1,${n} @@\n${'+a/b\n'.repeat(n)}`,
        ),
    ],
  ];
  for (const [name, count, shape] of shapes) {
    const [half, whole] = [await cost(t, shape(count)), await cost(t, shape(2 * count))];
    // 20 ms: what an import costs at least, and the grain of the clock. A quadratic shape costs seconds here.
    t.ok(whole < 3 * half + 20 && whole < 1500, `ms for ${name}: ${half.toFixed()}, then ${whole.toFixed()}`);
  }
});

t.test('MIME parts are counted however their boundary is declared, also in forwarded messages', async (t) => {
  const head = 'From: a@b.example\nSubject: [PATCH] x\nMIME-Version: 1.0\n';
  const parts = (type: string, boundary: string, count: number) =>
    `Content-Type: ${type}\n\n${`--${boundary}\n\nx\n`.repeat(count)}--${boundary}\n\n${diffOf(one)}\n--${boundary}--\n`;
  const declared: [string, string][] = [
    ['multipart/mixed; boundary="a;b"', 'a;b'],
    ['multipart/mixed; boundary*0="ab"; boundary*1="cd"', 'abcd'],
    ['multipart/mixed; boundary = "ab cd"', 'ab cd'],
    ["multipart/mixed; boundary*=utf-8''ab%63d", 'abcd'],
    ['multi(x)part/mixed; boundary=abcd', 'abcd'],
    ['"multipart/mixed";\n boundary="- a/fs/x.c"', '- a/fs/x.c'],
  ];
  for (const [type, boundary] of declared) {
    await refused(t, `${head}${parts(type, boundary, 1200)}`, /more than 1000 MIME parts/);
    const { series } = await take(t, `${head}${parts(type, boundary, 20)}`);
    t.same(series.patches[0]?.files, ['drivers/ring/lamp.c'], type);
  }
  const [type = '', boundary = ''] = declared[0] ?? [];
  const forward = (count: number) => {
    const inner = Buffer.from(`${head}${parts(type, boundary, count)}`).toString('base64');
    const headers = 'Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n';
    return `${head}Content-Type: multipart/mixed; boundary=f\n\n--f\n${headers}\n${inner}\n--f--\n`;
  };
  await refused(t, forward(1200), /more than 1000 MIME parts/);
  t.same((await take(t, forward(20))).series.patches[0]?.files, ['drivers/ring/lamp.c'], 'a forwarded patch');
  const mime = { 'Content-Type': 'multipart/mixed; boundary=b' };
  const many = mail('[PATCH] x', '--b\n\nx\n'.repeat(900), mime);
  await refused(t, many.repeat(30), /more than 20000 MIME parts/);
  const created = Array.from(
    { length: 1100 },
    (_, at) =>
      `diff --git a/fs/f${at} b/fs/f${at}\nnew file mode 100644\n--- /dev/null\n+++ b/fs/f${at}\n@@ -0,0 +1 @@\n+x\n`,
  );
  const plainText = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Transfer-Encoding': 'quoted-printable',
  };
  const { series } = await take(t, mail('[PATCH] x', created.join(''), plainText));
  t.equal(series.patches[0]?.files.length, 1100, 'files of a long diff in plain text');
});

t.test('more messages, patches, problems or characters than a thread has are an InputError', async (t) => {
  await refused(t, mail('[PATCH] x', 'short\n').repeat(20_001), /20001 messages[\s\S]*at most 20000/);
  const many = Array.from({ length: 1001 }, (_, at) => posted({ number: at + 1, total: 1001 }));
  await refused(t, many.join(''), /1001 patches[\s\S]*at most 1000/);
  await refused(t, mail('[PATCH] x', diffOf({ file: '../x' }).repeat(500)), /and \d+ more problems/);
  await refused(t, mail(`[PATCH] ${'t'.repeat(2000)}`, bodyOf(one)), /a subject of 2000 characters/);
  await refused(t, mail('[PATCH] x', hunkOf(` ${'l'.repeat(1 << 21)}`, 1)), /an overlong line/);
  await refused(
    t,
    mail('[PATCH] x', diffOf({ file: `fs/${'n'.repeat(11_000)}` })),
    /more than 10000 characters/,
  );
  await refused(t, mail('[PATCH] x', diffOf({ file: `fs/${'n'.repeat(300)}` })), /more than 255 bytes/);
  await refused(t, mail('[PATCH] x', diffOf({ file: 'fs/-x' })), /take for an option/);
  await refused(t, mail('[PATCH] x', diffOf({ file: 'fs/a\u202ec.x' })), /control characters.*\\u202ec/);
  await refused(t, mail('[PATCH] x', diffOf({ file: '.gitmodules' })), /configures submodules/);
  const rows = 'GIT binary patch\nliteral 99000000\nMcmZQz00031\n\nliteral 0\nHcmV?d00001\n\n';
  const binary = `diff --git a/fs/b b/fs/b\nnew file mode 100644\nindex ${'0'.repeat(40)}..${'1'.repeat(40)}\n${rows}`;
  await refused(t, mail('[PATCH] x', binary), /binary changes[\s\S]*at most 64 MiB/);
});

t.test('nested parts, many headers and large headers of a mail are an InputError or are read', async (t) => {
  let nested = bodyOf(one);
  for (let depth = 0; depth < 60; depth++) {
    const type = `Content-Type: multipart/mixed; boundary="b${depth}"`;
    nested = `${type}\n\n--b${depth}\n${nested}\n--b${depth}--\n`;
  }
  const head = 'From: a@b.example\nSubject: [PATCH] x\nDate: 3 Mar 2025\nMIME-Version: 1.0\n';
  await refused(t, `${head}${nested}`, /not a readable mail/);
  await refused(t, `${head}${'X-A: b\n'.repeat(300_000)}\n${bodyOf(one)}`, /not a readable mail/);
  const parts = `--b\nContent-Type: text/plain\n\nx\n`.repeat(5000);
  const type = 'Content-Type: multipart/mixed; boundary=b\n';
  await refused(t, `${head}${type}\n${parts}--b--\n`, /more than 1000 MIME parts/);
});

t.test('line breaks in an encoded name or subject do not make headers or lines', async (t) => {
  const encoded = (text: string) => `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;
  const evil = encoded('Eve\nX-Evil: yes\r\n\nbody');
  const text = mail(`[PATCH] ${evil}`, bodyOf(one), { From: `${evil} <eve@lamp.example>` });
  const { series } = await take(t, text);
  const [patch] = series.patches;
  t.notMatch(`${patch?.author.name}${patch?.subject}${series.title}`, /[\r\n]/);
  t.notMatch(writeMbox(series), /^(?:X-Evil|body)/m);
});

t.test('a zero byte in an encoded body is an InputError', async (t) => {
  const encoded = (encoding: string, body: string) =>
    mail('[PATCH] x', body, { 'Content-Transfer-Encoding': encoding });
  const body = bodyOf(one);
  const base64 = Buffer.from(`A\0B\n${body}`).toString('base64');
  for (const text of [
    encoded('quoted-printable', `A=00B\n${body}`),
    encoded('base64', `${base64}\n`),
    encoded('quoted-printable', `From: E=00ve <eve@lamp.example>\n\n${body}`),
  ])
    await refused(t, text, /its text has a zero byte/);
});

t.test('control characters in headers of a body do not reach the patch', async (t) => {
  const inBody = 'From: E=1Bve <e=7Fve@lamp.example>\nSubject: ring=C2=85: lamp=07s\nDate: 3 Mar=0C 2025\n\n';
  const text = mail('[PATCH] x', `${inBody}${bodyOf(one)}`, {
    'Content-Transfer-Encoding': 'quoted-printable',
  });
  const [patch] = (await take(t, text)).series.patches;
  t.match(patch, { author: { name: 've@lamp.example', email: 've@lamp.example' }, date: '3 Mar  2025' });
  t.match(patch?.subject, /^ring : lamp s$/);
  const id = `=?UTF-8?q?<a=00=1Bb@lamp.example>?=`;
  const [other] = (await take(t, mail('[PATCH] x', bodyOf(one), { 'Message-Id': id }))).series.patches;
  t.notMatch(other?.messageId ?? '', /[\0\x1b]/, 'message id');
});

t.test('of many trailers that name others the first are noted, with the number of the rest', async (t) => {
  const others = Array.from({ length: 500 }, (_, at) => `Acked-by: No ${at} <no${at}@x.example>\n`);
  const { notes } = await take(t, posted(one) + reply(one, others.join('')));
  t.equal(notes.length, 21, 'number of notes');
  t.match(notes.at(-1), { code: 'series.trailer', line: '480 more of such lines' });
});

t.test(
  'more trailers in replies than people write are an InputError, and equal ones count once',
  async (t) => {
    const cover = { number: 0, total: 1 };
    const acks = (count: number) =>
      Array.from({ length: count }, (_, at) => `Acked-by: Bob ${at} <bob@wick.example>\n`).join('');
    const thread = (to: typeof cover, body: string) => posted(cover) + posted(one) + reply(to, body);
    await refused(t, thread(cover, acks(101)), /101 trailers in replies, 101 of them to the cover letter/);
    await refused(t, thread(one, acks(5001)), /5001 trailers in replies, 0 of them/);
    const { series } = await take(t, thread(cover, acks(5).repeat(100)));
    t.equal(series.patches[0]?.trailers.length, 6, 'number of trailers');
  },
);

t.test('a folder of files that are together too large, or of pipes, is an InputError', async (t) => {
  const dir = t.testdir({
    large: {},
    pipe: {},
    info: { '1.patch': posted(one) },
    needs: { '1.patch': posted(one) },
  });
  const text = `${posted(one)}${'x'.repeat(25 << 20)}\n`;
  await writeFile(join(dir, 'large/1.patch'), text);
  await writeFile(join(dir, 'large/2.patch'), text);
  const get = (name: string) => importSeries(join(dir, name), {}, context().ctx);
  await t.rejects(get('large'), { name: 'InputError', message: /2\.patch: it has .*more than 48 MiB/ });
  await run('mkfifo', [join(dir, 'pipe/1.patch'), join(dir, 'info/series.yaml')]);
  await t.rejects(get('pipe'), { name: 'InputError', message: /neither a file nor a folder/ });
  await t.rejects(get('info'), { name: 'InputError', message: /series\.yaml: it is neither a file/ });
  const info = 'title: x\nbase: debian-6.12\nsuites: []\nguests: []\nneeds: ../other\n';
  await writeFile(join(dir, 'needs/series.yaml'), info);
  await t.rejects(get('needs'), { name: 'InputError', message: /needs: the name of a series/ });
});

t.test('the first patch of a folder numbered 999999 does not announce as many', async (t) => {
  const dir = t.testdir({ series: {} });
  const bare = mail('ring: lamp', bodyOf(one)).replace(/^From mboxrd.*\n/, '');
  await writeFile(join(dir, 'series/999999-a.patch'), bare);
  t.match(await importSeries(join(dir, 'series'), {}, context().ctx), { announced: 1, missing: [] });
});

interface Repository {
  path: string;
  git: (...args: string[]) => Promise<string>;
}

async function repository(t: Test): Promise<Repository> {
  const path = join(t.testdir({ repo: { fs: { 'a.c': 'int a;\n' } } }), 'repo');
  const git = async (...args: string[]) =>
    (await run('git', ['-C', path, '-c', 'user.name=u', '-c', 'user.email=u@u', ...args])).stdout.trim();
  await git('init', '-q', '-b', 'main');
  await git('add', '.');
  await git('commit', '-q', '-m', 'base');
  return { path, git };
}

t.test('a git range with a link out of the tree or a submodule is an InputError', async (t) => {
  const { path, git } = await repository(t);
  const get = (range: string) => importSeries(range, { repo: path }, context().ctx);
  await symlink('/etc/hostname', join(path, 'fs/link'));
  await git('add', '.');
  await git('commit', '-q', '-m', 'link');
  await t.rejects(get('main~1..main'), /symbolic link whose target leads out of the tree: it is absolute/);
  const commit = await git('rev-parse', 'HEAD');
  await git('update-index', '--add', '--cacheinfo', `160000,${commit},fs/sub`);
  await git('commit', '-q', '-m', 'submodule');
  await t.rejects(get('main~1..main'), /a submodule: "fs\/sub"/);
});

t.test('what only a merge commit changes is not part of a git range', async (t) => {
  const { path, git } = await repository(t);
  await git('checkout', '-q', '-b', 'side');
  await writeFile(join(path, 'fs/side.c'), 'int side;\n');
  await git('add', '.');
  await git('commit', '-q', '-m', 'side');
  await git('checkout', '-q', 'main');
  await git('merge', '-q', '--no-ff', '--no-commit', 'side');
  await symlink('/etc/hostname', join(path, 'fs/link'));
  await git('add', '.');
  await git('commit', '-q', '-m', 'merge');
  const { ctx, notes } = context();
  const series = await importSeries('main~1..main', { repo: path }, ctx);
  t.same(
    series.patches.map(({ files }) => files),
    [['fs/side.c']],
  );
  t.match(notes, [{ code: 'series.merges', count: 1 }]);
});

t.test('no program that the repository of a git range configures is run', async (t) => {
  const { path, git } = await repository(t);
  await writeFile(join(path, 'fs/a.c'), 'int b;\n');
  await git('commit', '-q', '-a', '-m', 'change');
  const missing = await git('rev-parse', 'main~1:fs/a.c');
  const mark = join(path, 'ran');
  const program = join(path, 'program');
  await writeFile(program, `#!/bin/sh\necho "$0 $*" >> ${mark}\n`, { mode: 0o755 });
  const settings = {
    ...{ 'core.fsmonitor': program, 'core.sshCommand': program, 'core.pager': program },
    ...{ 'diff.external': program, 'diff.x.textconv': program, 'diff.x.command': program },
    ...{ 'log.showSignature': 'true', 'gpg.program': program, 'core.hooksPath': path },
    ...{ 'extensions.partialClone': 'far', 'remote.far.promisor': 'true' },
    ...{
      'remote.far.url': `ext::${program}`,
      'protocol.ext.allow': 'always',
      'core.repositoryformatversion': '1',
    },
  };
  for (const [key, value] of Object.entries(settings)) await git('config', key, value);
  await writeFile(join(path, '.git/info/attributes'), '* diff=x\n');
  const get = () => importSeries('main~1..main', { repo: path }, context().ctx);
  t.match((await get()).patches[0]?.diff, /-int a;\n\+int b;/);
  // The promised object of a partial clone, which git would fetch.
  await run('rm', ['-f', join(path, '.git/objects', missing.slice(0, 2), missing.slice(2))]);
  await t.rejects(get(), 'a missing object');
  t.notOk((await readdir(path)).includes('ran'), 'a program was run');
});

t.test(
  'a git range whose patches are too large is an InputError, and inherited GIT_ variables are ignored',
  async (t) => {
    const { path, git } = await repository(t);
    await writeFile(join(path, 'fs/large'), 'some line of text\n'.repeat(3 << 20));
    await git('add', '.');
    await git('commit', '-q', '-m', 'large');
    const get = (range: string) => importSeries(range, { repo: path }, context().ctx);
    await t.rejects(get('main~1..main'), { name: 'InputError', message: /at most 48 MiB/ });
    await writeFile(join(path, 'fs/x.c'), 'int x;\n');
    await git('add', '.');
    await git('commit', '-q', '-m', 'small');
    const wrong = {
      GIT_DIR: '/nowhere',
      GIT_EXTERNAL_DIFF: '/bin/false',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'diff.noprefix',
      GIT_CONFIG_VALUE_0: 'true',
    };
    Object.assign(process.env, wrong);
    t.teardown(() => {
      for (const key of Object.keys(wrong)) delete process.env[key];
    });
    t.match((await get('main~1..main')).patches, [{ files: ['fs/x.c'] }]);
  },
);
