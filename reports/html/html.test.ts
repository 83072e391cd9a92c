/** The HTML page: what it shows, that hostile text stays text, and that it stays small. */
import { createHash } from 'node:crypto';
import t from 'tap';
import type { Comparison, MetricChange, TestChange } from '../../lab/model/compare.ts';
import type { TestResult } from '../../lab/model/result.ts';
import type { RunRecord } from '../../lab/model/run.ts';
import type { Verdict } from '../../lab/model/verdict.ts';
import * as kernels from '../golden/kernels.ts';
import { comparison, record } from '../golden/sample.ts';
import { kindOf } from './changes.ts';
import { renderHtml } from './index.tsx';
import type { PageInput, RecordFolder } from './input.ts';
import { modelOf } from './model.ts';
import { many } from './testing/many.ts';
import { planted } from './testing/planted.ts';

const folder: RecordFolder = {
  href: './runs/a',
  repeat: (file) => `ringlab run --cell runs/a/${file}`,
  lastTap: new Map(),
};

/** The text of a page without style and script. */
const bodyOf = (page: string) => page.replace(/<style>[\s\S]*?<\/style>|<script>[\s\S]*?<\/script>/g, '');

const headings = (page: string) => [...page.matchAll(/<h2 [^>]*>([^<]*)/g)].map(([, title]) => title);

t.test('the sections are in the order in which a reader decides', (t) => {
  const page = renderHtml({ record, comparison });
  const order = ['Changes', 'Missing and ignored', 'Cost per I/O', 'Matrix', 'Kernel complaints'];
  t.same(headings(page), [...order, 'Build warnings', 'Time', 'Environment and seeds']);
  t.ok(page.indexOf('class="lead"') < page.indexOf('id="changes"'), 'the verdict is first');
  t.end();
});

t.test('the verdict says in one sentence what changed, how certain that is and what was not tested', (t) => {
  const [verdict] = modelOf({ record, comparison }).verdicts;
  t.match(verdict, {
    tone: 'bad',
    effect:
      /^The series breaks 1 test, adds 1 failing test, fixes 1 test, loses 1 test, causes 1 fatal kernel complaint/,
    rest: /no regression is confirmed by reruns; .*not tested: 1 result missing, 1 test skipped, 1 cell cut short and coverage/,
  });
  const page = bodyOf(renderHtml({ record, comparison }));
  t.match(page, 'Unproven: 1 test of the base is gone, in plain/passthrough (--allow-gone allows it).');
  t.end();
});

t.test('a comparison without relevant changes says so', (t) => {
  const tests = comparison.tests.filter(({ change, patched }) => change === 'same' && patched === 'pass');
  const calm: Comparison = {
    ...{ ...comparison, tests, metrics: [], brokenCells: [], newWarnings: [], newComplaints: [] },
    unproven: undefined,
  };
  const model = modelOf({ record, comparison: calm });
  t.match(model.verdicts, [{ tone: 'good', effect: 'The series changes nothing relevant' }]);
  t.match(renderHtml({ record, comparison: calm }), 'No relevant changes.');
  t.end();
});

t.test('a change has expected and actual value, its files and the command that repeats its cell', (t) => {
  const cells = planted.cells.filter(({ suite }) => suite === 'passthrough');
  const order = cells.flatMap((cell) => cell.tests).find(({ verdict }) => verdict === 'fail');
  const { name = '' } = order ?? {};
  const test: TestChange = {
    ...{ cell: 'plain/passthrough', kernel: 'debian-6.12+mpath', profile: 'plain', suite: 'passthrough' },
    ...{ name, base: 'pass', patched: 'fail', change: 'regressed' },
    ...(order?.reason ? { reason: order.reason } : {}),
    confirmation: { outcome: 'fails', base: { failed: 0, runs: 3 }, patched: { failed: 3, runs: 3 } },
  };
  const model = modelOf({ record: planted, comparison: { ...comparison, tests: [test] }, folder });
  const [change] = model.changes[0]?.changes ?? [];
  t.match(change, {
    difference: { quantity: 'user_data of completion 7', expected: '7', got: '9' },
    confirmed: 'fails 3 of 3, on base 0 of 3',
    evidence: { excerpt: { lines: ['at: order.ts:88'] } },
    trail: {
      command: 'ringlab run --cell runs/a/cell-debian-6.12+mpath-plain-passthrough.json',
      links: [{ href: './runs/a/debian-6.12%2Bmpath-plain-passthrough.tap' }, { label: 'Console' }, {}],
    },
  });
  t.end();
});

t.test('kinds of change', (t) => {
  const row = (change: TestChange['change'], base?: Verdict, patched?: Verdict, more = {}): TestChange => ({
    ...{ cell: 'c', kernel: 'k', profile: 'p', suite: 's', name: 'n', change },
    ...(base ? { base } : {}),
    ...(patched ? { patched } : {}),
    ...more,
  });
  const rate = (failed: number) => ({ failed, runs: 3 });
  const flaky = { confirmation: { outcome: 'flaky', base: rate(0), patched: rate(1) } };
  const cases: [TestChange, string][] = [
    [row('regressed', 'pass', 'fail'), 'regressed'],
    [row('regressed', 'pass', 'fail', flaky), 'flaky'],
    [row('regressed', 'pass', 'crash', flaky), 'regressed'],
    [row('regressed', 'pass', 'lost'), 'missing'],
    [row('new', undefined, 'fail'), 'failing'],
    [row('new', undefined, 'pass'), 'new'],
    [row('new', undefined, 'skip'), 'same'],
    [row('gone', 'pass'), 'gone'],
    [row('fixed', 'fail', 'pass'), 'fixed'],
    [row('same', 'fail', 'fail', { rates: { patched: rate(1) } }), 'flaky'],
    [row('same', 'fail', 'fail', { rates: { patched: rate(3) } }), 'same'],
  ];
  for (const [given, kind] of cases) t.equal(kindOf(given), kind, JSON.stringify(given));
  t.end();
});

t.test('the interval of a change spans all boots, and few boots are warned of', (t) => {
  const at = {
    cell: 'plain/passthrough',
    kernel: 'debian-6.12+mpath',
    profile: 'plain',
    suite: 'passthrough',
  };
  const row: MetricChange = {
    ...{
      ...at,
      name: 'cost > read 4k depth 16 passthrough bvec.submit',
      unit: 'instructions',
      better: 'lower',
    },
    ...{ base: 1000, patched: 1050, threshold: 20, verdict: 'worse' },
    boots: { base: [1000, 990, 1010], patched: [1050, 1100, 1049] },
  };
  const tests = [
    { ...comparison.tests[0], name: 'cost > read 4k depth 16 passthrough bvec' },
  ] as TestChange[];
  const groups = (metrics: MetricChange[]) =>
    modelOf({ record, comparison: { ...comparison, tests, metrics } }).costs;
  const [cost] = groups([row])[0]?.costs ?? [];
  t.match(cost, {
    workload: { kind: 'read', size: 4, depth: 16, engine: 'passthrough bvec' },
    ...{ change: 0.05, threshold: 0.02, verdict: 'worse' },
  });
  t.same(
    cost?.interval?.map((share) => share.toFixed(3)),
    ['0.039', '0.110'],
    'the outlier of 1100 counts',
  );
  const page = (metrics: MetricChange[]) => renderHtml({ record, comparison: { ...comparison, metrics } });
  t.notMatch(page([row]), 'Too few boots');
  t.match(page([{ ...row, boots: { base: [1000], patched: [1050] } }]), 'Too few boots: 1 of 1');
  t.match(page([row]), /<td class="number">±2\.0%<\/td>/, 'the threshold of the row');
  t.match(page([{ ...row, patched: 1001, verdict: 'same' }]), /<td class="number">~<\/td>/);
  t.end();
});

t.test('each patched kernel of a base has a sentence and a column of the matrix', (t) => {
  const model = modelOf(kernels);
  t.same(
    model.verdicts.map(({ column, tone }) => [column?.name, tone]),
    [
      ['debian-6.17', 'bad'],
      ['linux-nvme-passthrough-0123456789ab', 'bad'],
    ],
  );
  t.same(
    model.grid.kernels.map(({ side, role }) => [side.kernel.id, role]),
    [
      ['k1', 'base'],
      ['k2', 'patched'],
      ['k3', 'patched'],
    ],
  );
  t.same(
    model.grid.rows.map(({ cells }) => cells.length),
    [3, 3],
  );
  t.end();
});

t.test('earlier runs that a run is compared with have columns of their own', (t) => {
  const earlier = { ...record, id: 'monday' };
  const later: Comparison = { ...comparison, kind: 'runs', runs: { base: 'monday', patched: record.id } };
  const model = modelOf({ record, against: [{ record: earlier, comparison: later }] });
  t.same(
    model.columns.map(({ name }) => name),
    ['debian-6.12+mpath against monday'],
  );
  t.same(
    model.grid.kernels.map(({ side }) => side.record.id),
    ['monday', record.id],
  );
  t.equal(model.columns[0]?.base?.record.id, 'monday', 'run of the base');
  t.end();
});

t.test('hostile text stays text', (t) => {
  const evil = `</script><script>alert(1)</script><img src=x onerror=alert(1)>"'\u202e\u001b[2J&lt;`;
  const poison = <T>(value: T, key = ''): T => {
    const isFixed = [
      'side',
      'verdict',
      'base',
      'patched',
      'change',
      'kind',
      'code',
      'better',
      'stage',
      'how',
    ].includes(key);
    if (typeof value === 'string') return (isFixed ? value : `${evil}${value}`) as T;
    if (Array.isArray(value)) return value.map((item) => poison(item, key)) as T;
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, poison(item, name)])) as T;
  };
  const inputs: PageInput[] = [
    { record: poison(record), comparison: poison(comparison), folder },
    { record: poison(planted), folder },
  ];
  for (const input of inputs) {
    const page = renderHtml(input);
    t.equal(page.match(/<script/g)?.length, 1, 'script elements');
    const body = bodyOf(page);
    t.notMatch(body, /<img|[\u202e\u001b]|<[^>]*\son\w+=/, 'elements, handlers or control characters');
    t.notMatch(
      body,
      /(?:href|src)="(?!\.\/runs\/a\/|#)/,
      'addresses other than those of the record and the page',
    );
    t.notMatch(body, /\sstyle=/, 'styles, which the policy forbids');
  }
  t.end();
});

t.test('the policy allows the style and the script of the page by their hashes, and nothing else', (t) => {
  const page = renderHtml({ record });
  const hash = (element: string) => {
    const text = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(page)?.[1] ?? '';
    t.ok(text.length > 500, `text of ${element}`);
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  };
  const policy = `default-src 'none'; style-src ${hash('style')}; script-src ${hash('script')}; base-uri 'none'; form-action 'none'`;
  t.ok(page.includes(`<meta http-equiv="Content-Security-Policy" content="${policy}"`), 'policy');
  t.end();
});

t.test('a file name of the record that leads out of its folder is no link', (t) => {
  const files = ['../../etc/passwd', '..', 'javascript:alert(1)'];
  const cells = record.cells.map((cell) => ({
    ...cell,
    attempts: cell.attempts.map((attempt) => ({
      ...attempt,
      artefacts: files.map((file) => ({ kind: 'console' as const, file, bytes: 1, sha256: 'a' })),
    })),
  }));
  const page = renderHtml({ record: { ...record, cells }, comparison, folder });
  const targets = new Set([...page.matchAll(/href="([^#"][^"]*)"/g)].map(([, target]) => target));
  t.same([...targets], ['./runs/a/javascript%3Aalert(1)']);
  t.end();
});

t.test('runs without a comparison, over mutants, and of kernels that could not be made have a page', (t) => {
  const alone = renderHtml({
    record: { ...record, kernels: record.kernels.slice(1), cells: record.cells.slice(3) },
  });
  t.match(headings(alone)[0], 'Failures');
  const mutants = [
    { name: '0001-a', fault: 'nvme: drop it', killed: true, killedBy: 'plain/passthrough: keeps order' },
    { name: '0002-b', fault: 'nvme: keep it', killed: false },
  ];
  const page = bodyOf(renderHtml({ record: { ...record, mutants } }));
  t.match(page, 'The suites noticed 1 of 2 planted faults');
  t.ok(page.indexOf('0002-b') < page.indexOf('0001-a'), 'survivors first');
  const failure = { verdict: 'build-failed' as const, message: 'ioctl.c:12: error', detail: 'ioctl.c: x' };
  const failed: RunRecord = {
    ...record,
    kernels: record.kernels.map((kernel) => (kernel.side === 'patched' ? { ...kernel, failure } : kernel)),
  };
  t.match(
    renderHtml({ record: failed, comparison }),
    'The series could not be tested (build-failed: ioctl.c:12: error)',
  );
  t.end();
});

t.test('5,000 tests make at most 2 MB, in seconds, whatever the tests are called', (t) => {
  const hostile = '<&"\u202e'.repeat(100);
  const inputs: [what: string, input: PageInput][] = [
    ['unchanged tests', many(5000, () => ({ base: 'pass', patched: 'pass' }))],
    ['regressed tests', many(5000, () => ({ base: 'pass', patched: 'fail' }))],
    ['regressed tests with hostile names', many(5000, () => ({ base: 'pass', patched: 'crash' }), hostile)],
    [
      'skipped tests of as many reasons',
      many(5000, (index) => ({ base: 'skip', patched: 'skip', reason: `${index} ${hostile}` })),
    ],
    ['lost tests', many(5000, () => ({ base: 'pass', patched: 'lost' }), hostile)],
  ];
  for (const [what, input] of inputs) {
    const began = process.cpuUsage();
    const page = renderHtml(input);
    const { user, system } = process.cpuUsage(began);
    // CPU time: the machine may be busy.
    const ms = (user + system) / 1000;
    const bytes = Buffer.byteLength(page);
    t.comment(`${what}: ${bytes} bytes in ${Math.round(ms)} ms`);
    t.ok(bytes <= 2_000_000, `bytes of a page of ${what}: ${bytes}`);
    t.ok(ms < 10_000, `ms of a page of ${what}: ${ms}`);
    t.ok(bytes > 100_000, `bytes of a page that lists ${what}: ${bytes}`);
  }
  t.end();
});

t.test('a test result has the values of its diagnostics uncut', (t) => {
  const detail = 'message: "a: expected xxx..., got yyy..."\nexpected: "xxx\\n1"\ngot: yyy 2\nat: a.ts:1';
  const reason = 'a: expected xxx..., got yyy...';
  const result: TestResult = { name: 'keeps order', verdict: 'fail', reason, detail };
  const cells = record.cells.map((cell) => ({
    ...cell,
    tests: cell.tests.map((test) => (test.reason?.startsWith('expected [1') ? result : test)),
  }));
  const groups = modelOf({ record: { ...record, cells }, comparison }).changes;
  const change = groups.flatMap(({ changes }) => changes).find(({ name }) => name === 'keeps order');
  t.same(change?.difference?.expected, 'xxx\n1');
  t.same(change?.difference?.got, 'yyy 2');
  t.end();
});
