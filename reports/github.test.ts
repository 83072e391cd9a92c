/** What GitHub Actions reads: the step summary as its Markdown, annotations as its own library writes them. */
import { error } from '@actions/core';
import { marked } from 'marked';
import t from 'tap';
import type { RunRecord } from '../lab/model/run.ts';
import { comparison, record } from './golden/sample.ts';
import { render } from './index.ts';

const EVIL = '</details><script>x</script> 100% a:b,c\r\n::error::x ```';
/** A run with `count` failed tests and a long piece of evidence for each. */
function big(count: number, name = 'a test that fails'): { record: RunRecord } {
  const tests = Array.from({ length: count }, (_, index) => ({
    ...{ name: `${name} ${index}`, verdict: 'fail' as const, reason: 'expected 0, got 5' },
    detail: 'a line of evidence | `with` <marks>\n'.repeat(30),
  }));
  const cells = record.cells.filter(({ kernel }) => kernel === 'debian-6.12').slice(0, 1);
  return {
    record: {
      ...record,
      kernels: record.kernels.slice(0, 1),
      cells: cells.map((cell) => ({ ...cell, tests })),
    },
  };
}
const bytes = (text: string) => Buffer.byteLength(text);

t.test('a summary that fits is the Markdown report, with the address of the run', (t) => {
  const input = { record, comparison, url: 'https://x.org/a_b/1' };
  const summary = render('github-summary', input);
  t.ok(summary.startsWith(render('markdown', input)), 'the whole report');
  t.match(marked.parse(summary), '<a href="https://x.org/a_b/1">');
  t.end();
});

for (const count of [1500, 5000])
  t.test(`a summary of ${count} failed tests is shorter than 1 MiB and says that it is cut`, (t) => {
    const input = big(count);
    t.ok(bytes(render('markdown', input)) > 1 << 20, 'the whole report is too long');
    const summary = render('github-summary', input);
    t.ok(bytes(summary) < 1 << 20, `${bytes(summary)} bytes`);
    t.match(summary, /left out here: the run record has it/);
    t.match(summary, new RegExp(`${count} failed`), 'the summary in one line');
    const opened = summary.match(/^<details>/gm)?.length ?? 0;
    t.equal(summary.match(/^<\/details>$/gm)?.length ?? 0, opened, 'every block is closed');
    t.end();
  });

t.test('names cannot leave their place in a summary, however long it is', (t) => {
  for (const count of [3, 1000]) {
    const html = marked.parse(render('github-summary', big(count, EVIL))) as string;
    t.notMatch(html, /<script/i, `${count} tests`);
  }
  t.end();
});

/** What GitHub's own library prints for an annotation. */
function written(title: string, message: string): string {
  const lines: string[] = [];
  const { write } = process.stdout;
  process.stdout.write = ((text: string) => lines.push(text) > 0) as typeof write;
  try {
    error(message, { title });
  } finally {
    process.stdout.write = write;
  }
  return lines.join('');
}

t.test("an annotation is written as GitHub's library writes it", (t) => {
  const failures = [{ subject: 'host: a,b 100%', message: 'no space 100%: a,b' }];
  const text = render('github-annotations', { record: { ...record, failures } });
  t.ok(text.includes(written('host: a,b 100%', 'no space 100%: a,b')), text);
  t.end();
});

t.test('there are at most ten annotations, the last of which counts the others', (t) => {
  const lines = (count: number) => render('github-annotations', big(count, EVIL)).trimEnd().split('\n');
  t.equal(lines(10).length, 10);
  t.equal(lines(11).length, 10);
  t.match(lines(11)[9], /^::error title=2 more findings::/);
  for (const line of lines(30)) t.match(line, /^::(?:error|warning) title=[^:,]*::[^\r\n]*$/);
  t.end();
});
