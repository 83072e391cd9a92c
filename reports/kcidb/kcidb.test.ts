/** KCIDB reports fit the schema, and say what a run says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import t from 'tap';
import type { RunRecord } from '../../lab/model/run.ts';
import * as kernels from '../golden/kernels.ts';
import { comparison, record } from '../golden/sample.ts';
import { render } from '../index.ts';
import { kcidbOf } from './kcidb.ts';
import { patchsetHash } from './kernels.ts';
import { Kcidb } from './schema.ts';
import { messageIdOf } from './values.ts';

const author = { name: 'Ada', email: 'ada@x.org' };
const posted = [
  { messageId: '<1@x.org>', author, sha256: 'a'.repeat(64) },
  { messageId: '<2@x.org>', author, sha256: 'b'.repeat(64) },
];
const series = { id: 'f00', name: 'mpath', title: 'nvme: mpath', patches: ['one', 'two'], posted };
const console = { kind: 'console', file: 'console-a b.log', bytes: 1, sha256: 'c' } as const;
const withLogs: RunRecord = {
  ...record,
  series: { ...series, messageId: '<0@x.org>' },
  cells: record.cells.map((cell) => ({
    ...cell,
    attempts: cell.attempts.map((attempt) => ({ ...attempt, artefacts: [console] })),
  })),
  spans: [{ stage: 'cell', subject: 'debian-6.12/plain/passthrough', startMs: 5000, ms: 10 }],
};
const failed = (verdict: 'apply-failed' | 'build-failed'): RunRecord => ({
  ...record,
  kernels: record.kernels.map((kernel) =>
    kernel.side === 'base'
      ? kernel
      : { ...kernel, failure: { verdict, message: 'no', detail: '\u001b[1m'.repeat(20_000) } },
  ),
});
const reports = {
  sample: { record, comparison },
  'published logs': { record: withLogs, url: 'https://x.org/runs/1', origin: 'my_lab' },
  kernels,
  'series that does not apply': { record: failed('apply-failed') },
  'series that does not build': { record: failed('build-failed') },
  'no cells': { record: { ...record, cells: [], startedAt: 'never' } },
};

t.test('reports have only fields and values of the schema', (t) => {
  for (const [name, input] of Object.entries(reports)) {
    const report: unknown = JSON.parse(render('kcidb', input));
    t.same(Kcidb.parse(report), report, name);
  }
  t.end();
});

const { RINGLAB_REFERENCES } = process.env;
const skip = RINGLAB_REFERENCES ? false : 'RINGLAB_REFERENCES names no folder of published schemas';

t.test('reports are valid for the JSON Schema that KCIDB publishes', { skip }, (t) => {
  const file = join(RINGLAB_REFERENCES ?? '', 'kcidb-v5_3.json');
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajvFormats.default(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync(file, 'utf8')));
  for (const [name, input] of Object.entries(reports)) {
    validate(JSON.parse(render('kcidb', input)));
    t.same(validate.errors ?? [], [], name);
  }
  validate({ version: { major: 5, minor: 3 }, tests: [{ id: 'x' }] });
  t.ok(validate.errors?.length, 'the schema refuses a test without a build');
  t.end();
});

t.test('base and patched kernels are checkouts, the patched one with its patches and thread', (t) => {
  const { checkouts, builds } = kcidbOf(reports['published logs']);
  t.match(checkouts, [
    { id: 'my_lab:20261121T084212Z-mpath/debian-6.12', tree_name: 'debian-6.12', patchset_hash: '' },
    { tree_name: 'debian-6.12', message_id: '0@x.org', comment: 'nvme: mpath', valid: true },
  ]);
  const hash = patchsetHash(['a'.repeat(64), 'b'.repeat(64)]);
  t.equal(checkouts[1]?.patchset_hash, hash, 'hash of the set of patches');
  t.match(builds, [{ architecture: 'x86_64', status: 'PASS', compiler: 'gcc 12.2.0' }, { duration: 11.6 }]);
  t.end();
});

t.test('the hash of a set of patches is that of the command in the schema', (t) => {
  const hash = '827d096d92f3deeaa0e8070d79f45beb176768e57a958a1cd325f5f4b754b048';
  t.equal(patchsetHash(['0'.repeat(64)]), hash, "printf '%064d\\n' 0 | sha256sum");
  t.equal(patchsetHash([]), '', 'no patches');
  t.end();
});

t.test('each verdict has its status, and lost results are no failures of the kernel', (t) => {
  const { tests } = kcidbOf(reports['published logs']);
  const statusOf = (comment: string, build: string) =>
    tests.find((test) => test.comment === comment && test.build_id.endsWith(build))?.status;
  t.equal(statusOf('keeps order', 'debian-6.12/build'), 'PASS');
  t.equal(statusOf('keeps order', 'debian-6.12+mpath/build'), 'FAIL');
  t.equal(statusOf('polled', 'debian-6.12/build'), 'SKIP');
  t.equal(statusOf('known fault', 'debian-6.12/build'), 'DONE', 'an expected failure');
  const lost = kcidbOf(kernels).tests.find(({ comment }) => comment?.includes('no space left'));
  t.equal(lost?.status, 'MISS', 'a cell that the lab could not run');
  const broken = tests.find(({ comment }) => comment?.startsWith('KASAN'));
  t.match(broken, { status: 'FAIL', path: 'ringlab.passthrough', log_excerpt: /BUG: KASAN/ });
  t.match(broken?.output_files, [{ url: 'https://x.org/runs/1/console-a%20b.log' }]);
  t.match(
    tests.find(({ number }) => number),
    { path: 'ringlab.passthrough.figure.submit', status: 'DONE', number: { value: 90, unit: 'ns' } },
  );
  t.equal(tests[0]?.start_time, '2026-11-21T08:42:17.000Z', 'start of a cell');
  t.equal(new Set(tests.map(({ id }) => id)).size, tests.length, 'distinct ids');
  t.end();
});

t.test('a series that does not apply has no build, and one that does not build no test', (t) => {
  const applied = kcidbOf(reports['series that does not apply']);
  t.match(applied.checkouts[1], { valid: false, log_excerpt: /^\\x1b/ });
  t.equal(applied.builds.length, 1, 'builds');
  const built = kcidbOf(reports['series that does not build']);
  t.match(built.builds[1], { status: 'FAIL', log_excerpt: /^\\x1b/ });
  t.end();
});

t.test('a message id that is no address is left out', (t) => {
  t.equal(messageIdOf('<20261121.1@x.org>'), '20261121.1@x.org');
  for (const id of ['<a b@x.org>', '<a@@x>', '<..@x.org>', '<>', undefined])
    t.equal(messageIdOf(id), undefined, String(id));
  t.end();
});
