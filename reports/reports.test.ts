import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { create } from 'xmlbuilder2';
import { Comparison } from '../lab/model/compare.ts';
import { cellsOfSide, kernelOf, RunRecord } from '../lab/model/run.ts';
import { excerpt, markdown, oneLine, visible, wrap } from './escape.ts';
import { comparison, record } from './golden/sample.ts';
import { formats, type ReportInput, render } from './index.ts';

const alone: ReportInput = {
  record: { ...record, cells: cellsOfSide(record, 'patched') },
};

/** Equal to the golden file; `RINGLAB_GOLDEN=write` writes it anew, to be looked at in the diff. */
function golden(t: Test, file: string, text: string): void {
  const path = join(import.meta.dirname, 'golden', file);
  if (process.env.RINGLAB_GOLDEN === 'write') writeFileSync(path, text);
  t.equal(text, readFileSync(path, 'utf8'), file);
}

t.test('the sample is what the schemas say', (t) => {
  t.same(RunRecord.parse(record), record);
  t.same(Comparison.parse(comparison), comparison);
  t.end();
});

t.test('golden reports', (t) => {
  golden(t, 'compare.txt', render('text', { record, comparison }));
  golden(t, 'compare.md', render('markdown', { record, comparison }));
  golden(t, 'compare.xml', render('junit', { record }));
  golden(t, 'run.txt', render('text', alone));
  golden(t, 'run.md', render('markdown', alone));
  t.same(formats, ['text', 'markdown', 'junit', 'json']);
  t.end();
});

t.test('JSON is the record and the comparison', (t) => {
  t.same(JSON.parse(render('json', { record, comparison })), { record, comparison });
  t.same(JSON.parse(render('json', { record })), { record });
  t.end();
});

t.test('no format lets a control character through, whatever it stands in', (t) => {
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
    ];
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, fixed.includes(key) ? item : poison(item)]),
    ) as T;
  };
  const input = { record: poison(record), comparison: poison(comparison) };
  for (const format of formats) {
    const text = render(format, input);
    t.notMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e\u2028]/, format);
  }
  t.doesNotThrow(() => create(render('junit', input)), 'it is still XML');
  t.end();
});

t.test('the text keeps within its page', (t) => {
  const wide = structuredClone(comparison);
  for (const test of wide.tests) Object.assign(test, { name: 'n'.repeat(300), reason: 'r'.repeat(5000) });
  const lines = render('text', { record, comparison: wide }).split('\n');
  t.same(
    lines.filter((line) => line.length > 105),
    [],
  );
  t.end();
});

t.test('colours come only from the caller', (t) => {
  const mark = (name: string) => (text: string) => `<${name}>${text}</${name}>`;
  const colors = { bold: mark('b'), dim: mark('d'), red: mark('r'), green: mark('g'), yellow: mark('y') };
  const text = render('text', { record, comparison, colors });
  t.match(text, '<r>pass -> fail</r>');
  t.match(text, '<g>fail -> pass</g>');
  const bare = text.replace(/<\/?[bdrgy]>/g, '');
  t.equal(
    bare,
    render('text', { record, comparison }).replace(/<\/?[bdrgy]>/g, ''),
    'and change nothing else',
  );
  t.end();
});

t.test('a kernel that does not apply is shown with its hunk, once', (t) => {
  const failure = {
    verdict: 'apply-failed' as const,
    message: 'patch 2 does not apply: a.c:12',
    detail: '@@ -1 +1 @@\n-x\n+y',
  };
  const kernels = record.kernels.map((kernel) =>
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
  const text = render('text', { record: { ...record, kernels, cells } });
  t.match(text, 'debian-6.12+mpath: apply-failed');
  t.equal(text.split('@@ -1 +1 @@').length, 2);
  const bases = cells.filter((cell) => kernelOf(record, cell).side === 'base');
  const xml = render('junit', { record: { ...record, kernels, cells: bases } });
  t.match(xml, '<error type="apply-failed" message="patch 2 does not apply: a.c:12">');
  t.end();
});

t.test('a comparison of two runs names them', (t) => {
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
    'the seconds of a run that is not here are not made up',
  );
  t.end();
});

t.test('escapes', (t) => {
  t.equal(visible('a\tb\u001b[1m\u202e'), 'a\tb\\x1b[1m\\u202e');
  t.equal(oneLine('  a \n b  '), 'a b');
  t.equal(oneLine('x'.repeat(20), 10), 'xxxxxxx...');
  t.same(wrap('one two three four', 9, 2), ['one two', 'three ...']);
  t.same(excerpt('a\nb\nc\n', 10, 2), ['a', 'b', '[1 more lines]']);
  t.equal(markdown('a|b <i> #1 @me `c` *d*'), 'a\\|b &lt;i&gt; \\#1 &#64;me \\`c\\` \\*d\\*');
  t.end();
});
