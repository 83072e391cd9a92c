/** Mails, read by git and by a mail parser. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import t from 'tap';
import type { RunRecord } from '../../lab/model/run.ts';
import * as kernels from '../golden/kernels.ts';
import { comparison, record } from '../golden/sample.ts';
import { render } from '../index.ts';

const sender = 'Lab Robot <lab@x.org>';
const sha256 = 'a'.repeat(64);
const posted = [
  { messageId: '<a.1@x.org>', author: { name: 'Jürgen "J" Größe', email: 'j@x.org' }, sha256 },
  { messageId: '<a.2@x.org>', author: { name: 'Ann\r\nBcc: evil@x.org', email: 'a@x.org' }, sha256 },
];
const series = { id: 'f', name: 'mpath', title: 'nvme: mpath', patches: ['one', 'two'], version: 2, posted };
const mailed: RunRecord = { ...record, series: { ...series, messageId: '<a.0@x.org>' } };
const parse = (mail: string) => PostalMime.parse(mail);

t.test('no line has more than 78 columns, but for a command that could not be run in two', (t) => {
  const long = structuredClone({ record: mailed, comparison });
  for (const row of long.comparison.tests)
    Object.assign(row, { name: 'n'.repeat(300), reason: 'r '.repeat(900) });
  for (const input of [{ record: mailed, comparison, sender }, { ...long, sender }, kernels, { record }])
    t.same(
      render('mail', input)
        .split('\n')
        .filter((line) => line.length > 78),
      [],
    );
  t.end();
});

t.test('a mail answers the cover letter, to the authors of the patches', async (t) => {
  const mail = await parse(render('mail', { record: mailed, comparison, sender }));
  t.equal(mail.subject, 'Re: [PATCH v2 0/2] nvme: mpath');
  t.match(mail, { inReplyTo: '<a.0@x.org>', references: '<a.0@x.org>', from: { address: 'lab@x.org' } });
  t.match(mail.to, [{ name: 'Jürgen "J" Größe', address: 'j@x.org' }, { address: 'a@x.org' }]);
  t.equal(mail.bcc, undefined, 'no header comes out of a name');
  const info = execFileSync('git', ['mailinfo', join(t.testdir(), 'msg'), join(t.testdirName, 'patch')], {
    input: render('mail', { record: mailed, comparison, sender }),
    encoding: 'utf8',
  });
  t.match(info, /Author: Lab Robot\nEmail: lab@x\.org\nSubject: nvme: mpath/);
});

t.test('a mail about a series without message ids has a subject of its own and no thread', async (t) => {
  const mail = await parse(render('mail', { record, comparison, sender }));
  t.equal(mail.subject, '[ringlab] nvme: multipath for passthrough: fail');
  t.equal(mail.inReplyTo, undefined);
});

t.test('rows have fail:runs, and >> marks what the series breaks', (t) => {
  const text = render('mail', { record: mailed, comparison, sender });
  t.match(
    text,
    /\n>> {5}:1 {4}\+100% {5}1:1 {2}plain\/passthrough: keeps order\n {6}expected \[1, 2\], got \[2, 1\]\n/,
  );
  t.match(text, /\n {6}1:1 {4}-100% {6}:1 {2}multipath\/multipath: path error > retried\n/);
  t.notMatch(text, /last path gone/, 'a test that fails on both sides is no news');
  t.match(text, /\n {6}100 {2}-10\.0% {7}90 {2}plain\/passthrough: submit \(ns, better\)\n/);
  t.match(text, /b4 mbox -n mpath\.mbox a\.0@x\.org\n +ringlab series import mpath\.mbox --name mpath\n/);
  t.match(text, /BUG: KASAN: slab-use-after-free/);
  t.end();
});
