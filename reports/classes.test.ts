/** What a failure means for a series by others: counts and lists by class. */
import t from 'tap';
import type { TestResult } from '../lab/model/result.ts';
import type { CellRecord, RunRecord } from '../lab/model/run.ts';
import { record as sample } from './golden/sample.ts';
import { render } from './index.ts';

const EVIL = 'evil \u001b[2J<b>';

const tests: TestResult[] = [
  { name: 'maps a buffer', verdict: 'pass', class: 'contract', unproven: 'the mapping: no counters' },
  { name: 'refuses flags', verdict: 'fail', class: 'contract', reason: 'errno: expected EINVAL, got EIO' },
  { name: 'keeps the medium', verdict: 'crash', class: 'safety', reason: 'KASAN: x' },
  { name: 'leaks nothing', verdict: 'pass', class: 'safety' },
  { name: 'bounds bounce buffers', verdict: 'skip', class: 'objection', reason: 'no swiotlb' },
  { name: 'falls back', verdict: 'pass', class: 'objection', choices: [`order: expected 1, got ${EVIL}`] },
  {
    ...{ name: 'fails with ENXIO', verdict: 'todo', class: 'choice', reason: 'a choice' },
    detail: 'duration_ms: 1.0\nclass: choice\nmessage: "errno: expected \\"ENXIO\\", got ENOENT"\nat: x.ts:1',
  },
  { name: 'falls off a cliff', verdict: 'timeout', class: 'choice', reason: 'hangs' },
  { name: 'of no class', verdict: 'fail', reason: 'no' },
];

const cellOf = (kernel: string, results: TestResult[]): CellRecord => ({
  ...{ kernel, profile: 'plain', suite: 's', verdict: 'done', tests: results },
  ...{ complaints: [], metrics: [], attempts: [] },
});
const record: RunRecord = {
  ...sample,
  cells: [
    cellOf(
      'debian-6.12',
      tests.map((test) => ({ ...test, verdict: 'skip' })),
    ),
    cellOf('debian-6.12+mpath', tests),
  ],
};
/** The sample with only the patched kernel, without its base. */
const alone: RunRecord = {
  ...record,
  kernels: record.kernels.slice(1),
  cells: record.cells.slice(1),
};
const COUNTS =
  'debian-6.12+mpath: safety 1/3, contract 1/2, objections 1/1, choices that differ: 2, unproven passes: 1';

t.test('the counts are next to the summary, and failures are listed by class', (t) => {
  for (const given of [record, alone]) {
    const text = render('text', { record: given });
    const [first, second, summary] = text.trimEnd().split('\n').slice(-3);
    t.equal([first, second?.trim()].join(' '), COUNTS);
    t.match(summary, /passed/);
  }
  const text = render('text', { record: alone });
  const heads = ['failed: safety (2)', 'failed: contract (1)', 'failed (1)'];
  const places = heads.map((head) => text.indexOf(`\n${head}\n`));
  t.ok(
    places.every((place, index) => place > (places[index - 1] ?? 0)),
    `in order: ${places}`,
  );
  t.match(
    text,
    /\nchoices that differ from those of this project \(2\)\n {2}plain\/s: falls back\n {6}order: expected 1, got evil \\x1b\[2J<b>\n {2}plain\/s: fails with ENXIO\n {6}errno: expected "ENXIO", got ENOENT\n/,
  );
  t.match(
    text,
    /\npasses that lack evidence \(1\)\n {2}plain\/s: maps a buffer\n {6}the mapping: no counters\n/,
  );
  t.end();
});

t.test('Markdown and JUnit have the same', (t) => {
  const markdown = render('markdown', { record: alone });
  t.ok(markdown.includes(COUNTS), 'counts');
  t.match(markdown, /### Failed: safety \(2\)[\s\S]*### Failed: contract \(1\)[\s\S]*### Failed\n/);
  t.match(
    markdown,
    /### Choices that differ from those of this project[\s\S]*got evil [^|\n\u001b]*2J&lt;b&gt; \|/,
  );
  const junit = render('junit', { record: alone });
  t.match(
    junit,
    /<system-out>class: contract<\/system-out>\s*<system-out>lacks evidence: the mapping: no counters</,
  );
  t.match(junit, /chooses otherwise: order: expected 1, got evil \\x1b\[2J&lt;b&gt;/);
  t.end();
});

t.test('a record without classes has none of this', (t) => {
  const text = render('text', { record: sample });
  t.notMatch(text, /choices|contract|lack evidence/);
  t.end();
});
