/** `ringlab check` as b4 calls it: one mail on standard input. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cell, record } from '../compare/testing/records.ts';
import { sha256Of } from '../core/hash.ts';
import { outputs } from '../model/output.ts';
import type { RunRecord } from '../model/run.ts';
import { ringlab as command } from './testing/ringlab.ts';

const DIFF = ['diff --git a/a.c b/a.c', '--- a/a.c', '+++ b/a.c', '@@ -1 +1 @@', '-a', '+b', ''].join('\n');
const mailOf = (id: string, body: string) =>
  `Message-ID: <${id}@x.org>\nFrom: Ada <ada@x.org>\nSubject: [PATCH 1/1] lamp: light it\n\n${body}`;
const PATCH = mailOf('one', `Why.\n\n---\n${DIFF}`);

const author = { name: 'Ada', email: 'ada@x.org' };
const posted = [{ messageId: '<one@x.org>', author, sha256: sha256Of(DIFF) }];
const series = {
  ...{ id: 'f', name: 'lamp', title: 'lamps', patches: ['light it'] },
  messageId: '<cover@x.org>',
  posted,
};
const cells = (verdict: 'pass' | 'fail') => [
  cell('base', { a: 'pass' }),
  cell('patched', { a: verdict, b: 'pass' }),
];
const runs: Record<string, RunRecord> = {
  '20260101T000000Z-lamp': { ...record(cells('fail')), series },
  '20260102T000000Z-lamp': { ...record(cells('fail')), series },
  '20260103T000000Z-other': {
    ...record(cells('pass')),
    series: { ...series, messageId: '<x@x>', posted: [] },
  },
};
const dir = t.testdir({ runs: {}, good: {}, cache: {} });
for (const [name, run] of Object.entries(runs)) {
  mkdirSync(join(dir, 'runs', name));
  writeFileSync(join(dir, 'runs', name, 'run.json'), JSON.stringify({ ...run, id: name }));
}
mkdirSync(join(dir, 'good/1'));
writeFileSync(join(dir, 'good/1/run.json'), JSON.stringify({ ...record(cells('pass')), id: '1', series }));

const check = (input: string, ...args: string[]) =>
  command(['check', ...args], { input, env: { RINGLAB_CACHE: join(dir, 'cache'), NO_COLOR: '1' }, cwd: dir });

t.test(
  'the newest run of a patch is found by message id, by its diff, and for the cover letter',
  async (t) => {
    const other = mailOf('sent-again', `Why.\n\nReviewed-by: B <b@x.org>\n---\n${DIFF}`);
    for (const mail of [
      PATCH,
      other,
      mailOf('cover', 'Lamps.'),
      `From 0123 Mon Sep 17 00:00:00 2001\n${other}`,
    ]) {
      const { code, stdout, stderr } = await check(mail, '--url', 'https://x.org/runs/');
      t.equal(code, 0, stderr);
      const results = outputs.check.parse(JSON.parse(stdout));
      t.match(results, [
        { tool: 'ringlab', status: 'fail', url: 'https://x.org/runs/20260102T000000Z-lamp' },
      ]);
      t.match(
        results[0]?.details,
        /^ERROR: plain\/passthrough: a: pass -> fail\n[\s\S]*run 20260102T000000Z-lamp/,
      );
    }
  },
);

t.test('a patch that no run has tested has no result, and is no pass for b4 am', async (t) => {
  const unknown = mailOf('two', `Why.\n---\n${DIFF.replace('+b', '+c')}`);
  const json = await check(unknown);
  t.same([json.code, JSON.parse(json.stdout)], [0, []]);
  const lines = await check(unknown, '--format', 'lines');
  t.same([lines.code, lines.stdout], [0, 'WARNING: no run has tested this patch\n']);
  t.same(JSON.parse((await check(unknown, '--runs', 'nowhere')).stdout), [], 'without a folder of runs');
});

t.test('b4 am gets a line with ERROR for each failure, and none for a patch that passed', async (t) => {
  const failed = await check(PATCH, '--format', 'lines');
  t.match(
    failed.stdout,
    /^ERROR: fixed 0, regressed 1[\s\S]*\nERROR: plain\/passthrough: a: pass -> fail\n$/,
  );
  const passed = await check(PATCH, '--format', 'lines', '--runs', 'good');
  t.same([passed.code, passed.stdout, passed.stderr], [0, '', '']);
  t.match(JSON.parse((await check(PATCH, '--runs', 'good')).stdout), [{ status: 'pass' }]);
});

t.test('nothing on standard input is an error on standard error, not a result', async (t) => {
  const { code, stdout, stderr } = await check('');
  t.same([code, stdout], [2, '']);
  t.match(stderr, /standard input: it is empty\n {2}expected: one mail/);
});
