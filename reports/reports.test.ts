import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { create } from 'xmlbuilder2';
import { Comparison } from '../lab/model/compare.ts';
import { cellsOfSide, kernelOf, RunRecord } from '../lab/model/run.ts';
import { excerpt, markdown, oneLine, visible, wrap } from './escape.ts';
import * as kernels from './golden/kernels.ts';
import { comparison, record } from './golden/sample.ts';
import { formats, type ReportInput, render, renderReport } from './index.ts';

const alone: ReportInput = {
  record: { ...record, cells: cellsOfSide(record, 'patched') },
};

/** Compares a report with its golden file; `RINGLAB_GOLDEN=write` writes the file anew, to be reviewed in the diff. */
function golden(t: Test, file: string, text: string): void {
  const path = join(import.meta.dirname, 'golden', file);
  if (process.env.RINGLAB_GOLDEN === 'write') writeFileSync(path, text);
  t.equal(text, readFileSync(path, 'utf8'), file);
}

t.test('the samples fit the schemas of run records and comparisons', (t) => {
  for (const sample of [{ record, comparison }, kernels]) {
    t.same(RunRecord.parse(sample.record), sample.record);
    t.same(Comparison.parse(sample.comparison), sample.comparison);
  }
  t.end();
});

t.test('reports on the sample are equal to the golden files', (t) => {
  golden(t, 'compare.txt', render('text', { record, comparison }));
  golden(t, 'compare.md', render('markdown', { record, comparison }));
  golden(t, 'compare.xml', render('junit', { record }));
  golden(t, 'run.txt', render('text', alone));
  golden(t, 'run.md', render('markdown', alone));
  t.end();
});

t.test('reports on a base and two patched kernels label every cell with its kernel', (t) => {
  golden(t, 'kernels.txt', render('text', kernels));
  golden(t, 'kernels.md', render('markdown', kernels));
  golden(t, 'kernels.xml', render('junit', kernels));
  golden(t, 'kernels-run.txt', render('text', { record: kernels.record }));
  t.end();
});

t.test('JSON has the record and the comparison unchanged, after what is not proven', (t) => {
  const { unproven } = comparison;
  t.same(JSON.parse(render('json', { record, comparison })), { unproven, record, comparison });
  t.same(JSON.parse(render('json', { record })), { record });
  t.end();
});

t.test('no format lets a control character of any field through', async (t) => {
  const evil = 'a\u001b]0;x\u0007\u0000\u009b\u202e\u2028\ud800\r\nb';
  const poison = <T>(value: T): T => {
    if (typeof value === 'string') return `${value}${evil}` as T;
    if (Array.isArray(value)) return value.map(poison) as T;
    if (typeof value !== 'object' || value === null) return value;
    const fixed = [
      'side',
      'verdict',
      'base',
      'patched',
      'change',
      'kind',
      'kernel',
      'id',
      'profile',
      'suite',
      'code',
    ];
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, fixed.includes(key) ? item : poison(item)]),
    ) as T;
  };
  const input = { record: poison(record), comparison: poison(comparison) };
  for (const format of formats) {
    const text = await renderReport(format, input);
    t.notMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e\u2028]/, format);
  }
  t.doesNotThrow(() => create(render('junit', input)), 'the JUnit report is well-formed XML');
});

t.test('long names and reasons do not make the lines of a text report longer than its page', (t) => {
  const wide = structuredClone(comparison);
  for (const test of wide.tests) Object.assign(test, { name: 'n'.repeat(300), reason: 'r'.repeat(5000) });
  const lines = render('text', { record, comparison: wide }).split('\n');
  t.same(
    lines.filter((line) => line.length > 105),
    [],
  );
  t.end();
});

t.test('the text has the colours of its input and is otherwise unchanged', (t) => {
  const mark = (name: string) => (text: string) => `<${name}>${text}</${name}>`;
  const colors = { bold: mark('b'), dim: mark('d'), red: mark('r'), green: mark('g'), yellow: mark('y') };
  const text = render('text', { record, comparison, colors });
  t.match(text, '<r>pass -> fail</r>');
  t.match(text, '<g>fail -> pass</g>');
  const bare = text.replace(/<\/?[bdrgy]>/g, '');
  t.equal(
    bare,
    render('text', { record, comparison }).replace(/<\/?[bdrgy]>/g, ''),
    'the text without its colours',
  );
  t.end();
});

t.test('a report shows the rejected hunk of a kernel whose series does not apply, once', (t) => {
  const failure = {
    verdict: 'apply-failed' as const,
    message: 'patch 2 does not apply: a.c:12',
    detail: '@@ -1 +1 @@\n-x\n+y',
  };
  const failed = record.kernels.map((kernel) =>
    kernel.side === 'patched' ? { ...kernel, failure } : kernel,
  );
  const cells = record.cells.map((cell) =>
    kernelOf(record, cell).side === 'base'
      ? cell
      : {
          ...cell,
          verdict: 'apply-failed' as const,
          reason: failure.message,
          detail: failure.detail,
          tests: [],
        },
  );
  const text = render('text', { record: { ...record, kernels: failed, cells } });
  t.match(text, 'debian-6.12+mpath: apply-failed');
  t.equal(text.split('@@ -1 +1 @@').length, 2);
  const bases = cells.filter((cell) => kernelOf(record, cell).side === 'base');
  const xml = render('junit', { record: { ...record, kernels: failed, cells: bases } });
  t.match(xml, '<error type="apply-failed" message="patch 2 does not apply: a.c:12">');
  t.end();
});

t.test('every format shows a cell that the lab could not run as an error, on the base too', (t) => {
  const reason = 'QEMU ended: no space left on device';
  const failedCell = (side: 'base' | 'patched') => {
    const [first, ...others] = cellsOfSide(record, side);
    const cells = first ? [{ ...first, verdict: 'lab-failed' as const, reason, tests: [] }, ...others] : [];
    return { ...record, cells: [...cells, ...cellsOfSide(record, side === 'base' ? 'patched' : 'base')] };
  };
  for (const side of ['base', 'patched'] as const) {
    const input = { record: failedCell(side) };
    const name = `${side === 'base' ? 'debian-6.12' : 'debian-6.12+mpath'}/plain/passthrough`;
    t.ok(render('text', input).includes(`  ${name} (${side}): lab-failed\n      ${reason}\n`), side);
    t.ok(render('markdown', input).includes(`**${name} (${side}): lab-failed**: ${reason}`), side);
    t.match(render('junit', input), `<error type="lab-failed" message="${reason}"/>`, side);
  }
  t.end();
});

t.test('every format says that a run or a kernel had no sandbox, and only then', (t) => {
  const formats = ['text', 'markdown', 'junit', 'json'] as const;
  const off = { ...record, sandbox: { required: false, protections: [] } };
  const kernels = record.kernels.map((kernel) => ({ ...kernel, sandboxed: kernel.side === 'base' }));
  const held = { ...record, sandbox: { required: true, protections: ['no capabilities'] } };
  for (const format of formats.slice(0, 3)) {
    t.match(render(format, { record: off, comparison }), /no sandbox: code of kernels/, format);
    t.match(
      render(format, { record: { ...held, kernels } }),
      /built without a sandbox: debian-6\.12\+mpath/,
      format,
    );
    t.notMatch(render(format, { record: held, comparison }), /sandbox/, format);
  }
  t.match(render('json', { record: off }), /"sandbox": \{\s+"required": false/);
  t.end();
});

t.test('every format shows the failures of the lab that no cell gives', (t) => {
  const failures = [
    { subject: 'run', message: 'cannot write run.json\n  cause: no space left on device' },
    { subject: 'debian-6.12/plain/passthrough', message: 'the console was lost' },
  ];
  const input = { record: { ...record, failures }, comparison };
  const text = render('text', input);
  t.match(text, /failures of the lab \(2\)\n {2}run\n {6}cannot write run\.json\n {8}cause: no space/);
  t.match(text, /in 123 s; 2 failures of the lab\n$/);
  const markdown = render('markdown', input);
  t.ok(markdown.includes('### Failures of the lab\n\n**run**: cannot write run.json cause: no space left'));
  t.ok(markdown.includes('**debian-6.12/plain/passthrough**: the console was lost'));
  const xml = render('junit', input);
  t.match(xml, '<testsuite name="(lab)" tests="2" failures="0" errors="2" skipped="0">');
  t.match(xml, '<error type="lab-failed" message="cannot write run.json">cannot write run.json');
  t.end();
});

t.test('a report on a run whose kernels all failed shows each failure, with and without cells', (t) => {
  const failed = record.kernels.map((kernel) => ({
    ...kernel,
    failure: {
      ...{ verdict: 'build-failed' as const, message: `${kernel.name} does not build` },
      detail: kernel.side === 'base' ? '' : 'a.c:1: error',
    },
  }));
  const cells = record.cells.map((cell) => {
    const reason = `${cell.kernel} does not build`;
    const results = { tests: [], complaints: [], metrics: [] };
    return { ...cell, ...results, verdict: 'build-failed' as const, reason };
  });
  for (const some of [cells, []]) {
    const input = { record: { ...record, kernels: failed, cells: some } };
    const text = render('text', input);
    t.match(text, /kernels that could not be made \(2\)/);
    t.match(text, /debian-6\.12: build-failed\n {6}debian-6\.12 does not build\n {2}debian-6\.12\+mpath/);
    t.match(text, /debian-6\.12\+mpath: build-failed\n {6}.* does not build\n {6}a\.c:1: error\n/);
    t.match(text, /0 passed, 0 failed, 0 skipped.* in 123 s; 2 kernels could not be made\n$/);
    t.notMatch(text, / \n/, 'no blank evidence');
    t.equal(/^cell /m.test(text), some.length > 0, 'no matrix without cells');
    const markdown = render('markdown', input);
    t.ok(markdown.includes('**debian-6.12+mpath: build-failed**: debian-6.12+mpath does not build'));
    const xml = render('junit', input);
    t.match(xml, '<error type="build-failed" message="debian-6.12+mpath does not build"');
  }
  const alone = render('junit', { record: { ...record, kernels: failed, cells: [] } });
  t.equal(alone.split('<error type="build-failed"').length, 3, 'both kernels, without cells');
  t.end();
});

t.test('the summary of a comparison is green only when nothing failed', (t) => {
  const mark = (name: string) => (text: string) => `<${name}>${text}</${name}>`;
  const colors = { bold: mark('b'), dim: mark('d'), red: mark('r'), green: mark('g'), yellow: mark('y') };
  const { unproven, ...proven } = comparison;
  const fine = { ...proven, regressed: 0, failed: 0, brokenCells: [], newComplaints: [] };
  const color = (more: Partial<RunRecord>, changed: Partial<Comparison> = {}) => {
    const input = { record: { ...record, ...more }, comparison: { ...fine, ...changed }, colors };
    return render('text', input).split('\n').at(-2)?.slice(0, 3);
  };
  t.equal(color({}), '<g>');
  t.equal(color({ interrupted: true }), '<b>');
  t.equal(color({ unfinished: true }), '<b>');
  t.equal(color({}, { unfinished: ['base'] }), '<b>');
  t.equal(color({}, unproven ? { unproven } : {}), '<b>');
  t.equal(color({ failures: [{ subject: 'run', message: 'x' }] }), '<b>');
  for (const changed of [{ regressed: 1 }, { failed: 1 }, { brokenCells: comparison.brokenCells }])
    t.equal(color({}, changed), '<b>', Object.keys(changed).join());
  t.equal(color({}, { newComplaints: comparison.newComplaints }), '<b>', 'a fatal complaint');
  t.end();
});

t.test('every report of a run that did not end says so', (t) => {
  const killed = { record: { ...record, unfinished: true }, comparison };
  t.match(render('text', killed), /the run did not end: it was killed, or it still works/);
  t.match(render('markdown', killed), /\*\*.*the run did not end/);
  t.match(render('junit', killed), '<error type="lab-failed" message="the run did not end');
  const runs = { ...comparison, kind: 'runs' as const, unfinished: ['base' as const] };
  t.match(render('text', { record, comparison: runs }), /the run that it is compared with did not end/);
  t.end();
});

t.test('a cell that only the base has leaves the patched side of its row empty', (t) => {
  const row = {
    cell: 'swiotlb/passthrough',
    kernel: 'debian-6.12',
    profile: 'swiotlb',
    suite: 'passthrough',
  };
  const gone = {
    ...comparison,
    brokenCells: [],
    tests: [{ ...row, name: 'reads', base: 'pass' as const, change: 'gone' as const }],
  };
  const text = render('text', { record, comparison: gone });
  t.match(text, /^swiotlb\/passthrough +1 +0 +0 +12\.3 s ->$/m);
  t.end();
});

t.test('a report on two runs names both and leaves the seconds of the earlier run out', (t) => {
  const mine = { id: 'debian-6.12+mpath', name: 'mine' };
  const two = {
    ...comparison,
    kind: 'runs' as const,
    runs: { base: 'monday', patched: 'tuesday' },
    kernels: [{ base: { id: 'debian-6.12', name: 'debian-6.12' }, patched: [mine] }],
  };
  const text = render('text', { record, comparison: two });
  t.match(text, /compares monday \(debian-6\.12\)\n {2}with tuesday \(mine\)/);
  t.match(
    text,
    /plain\/passthrough +3 +0 +1 +1 +- ->/,
    'no seconds for the earlier run, whose record the report does not have',
  );
  t.end();
});

t.test('text is escaped, cut and wrapped for a terminal and for Markdown', (t) => {
  t.equal(visible('a\tb\u001b[1m\u202e'), 'a\tb\\x1b[1m\\u202e');
  t.equal(oneLine('  a \n b  '), 'a b');
  t.equal(oneLine('x'.repeat(20), 10), 'xxxxxxx...');
  t.same(wrap('one two three four', 9, 2), ['one two', 'three ...']);
  t.same(excerpt('a\nb\nc\n', 10, 2), ['a', 'b', '[1 more lines]']);
  t.equal(markdown('a|b <i> #1 @me `c` *d*'), 'a\\|b &lt;i&gt; \\#1 &#64;me \\`c\\` \\*d\\*');
  t.end();
});

t.test('text and Markdown say what reading the series left out, without effect of its characters', (t) => {
  const mails = [{ where: 'x', title: 'a *b* <i>', reason: 'reply' as const }];
  const notes = [{ code: 'series.left' as const, subject: 'x', mails, count: 1 }];
  const series = { id: '1', name: 'x', title: 'x', patches: ['a'], notes };
  const input = { record: { ...record, series } };
  t.match(render('text', input), /series: left 1 mails: "a \*b\* <i>" \(a diff in a reply\)/);
  t.match(render('markdown', input), /\*\*Series:\*\* left 1 mails: "a \\\*b\\\* &lt;i&gt;"/);
  t.end();
});
