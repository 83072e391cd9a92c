/** Metrics, read by OpenMetrics' strict parser where it is installed, and by one of npm. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import t from 'tap';
import type { RunRecord } from '../lab/model/run.ts';
import * as kernels from './golden/kernels.ts';
import { record } from './golden/sample.ts';
import { render } from './index.ts';

/** What the parser, which has no types, returns. */
interface Family {
  name: string;
  type: string;
  metrics: { value: string; labels?: Record<string, string> }[];
}
const parsePrometheus: (text: string) => Family[] = createRequire(import.meta.url)(
  'parse-prometheus-text-format',
);

const EVIL = 'a "b" \\ c\nd # e {x="1"} %23 \u001b[2J';
const hostile: RunRecord = {
  ...record,
  cells: record.cells.map((cell) => ({
    ...cell,
    metrics: [
      { name: EVIL, value: 1.5e-7, unit: 'ns', better: 'lower' as const },
      { name: EVIL.replace('e', 'f'), value: 2, unit: EVIL, better: 'lower' as const },
      { name: EVIL, value: 3, unit: 'ns', better: 'lower' as const },
    ],
  })),
};
const reports = { sample: { record }, kernels, hostile: { record: hostile } };

t.test('each metric has a sample with labels and a value', (t) => {
  const families = parsePrometheus(render('openmetrics', { record }));
  const byName = new Map(families.map((family) => [family.name, family]));
  t.match(byName.get('ringlab_tests')?.type, 'GAUGE');
  t.match(
    byName
      .get('ringlab_tests')
      ?.metrics.find(({ labels, value }) => labels?.kernel === 'debian-6.12' && value === '3'),
    { labels: { guest: 'plain', suite: 'passthrough', verdict: 'pass' } },
  );
  t.same(byName.get('ringlab_figure')?.metrics, [
    {
      value: '90',
      labels: {
        ...{ kernel: 'debian-6.12+mpath', guest: 'plain', suite: 'passthrough' },
        ...{ figure: 'submit', unit: 'ns' },
      },
    },
  ]);
  t.match(byName.get('ringlab_complaints')?.metrics.filter(({ value }) => value === '1').length, 1);
  t.end();
});

t.test('the text ends in EOF, and no line has a time, which GitLab would always list as changed', (t) => {
  for (const [name, input] of Object.entries(reports)) {
    const text = render('openmetrics', input);
    t.match(text, /\n# EOF\n$/, name);
    t.notMatch(text, /seconds/, name);
  }
  t.end();
});

/** Debian's own, which has Debian's packages: another one may come first in the path. */
const PYTHON = '/usr/bin/python3';
const python = (code: string, input: string) =>
  execFileSync(PYTHON, ['-c', code], { input, encoding: 'utf8' });
const hasParser = spawnSync(PYTHON, ['-c', 'import prometheus_client.openmetrics.parser']).status === 0;
const skip = hasParser ? false : 'the Debian package python3-prometheus-client is not installed';

t.test("OpenMetrics' strict parser reads every sample, hostile names too", { skip }, (t) => {
  const code = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(json.dumps([[s.name, s.labels, s.value] for f in parse(sys.stdin.read()) for s in f.samples]))`;
  for (const [name, input] of Object.entries(reports)) {
    const text = render('openmetrics', input);
    const samples = JSON.parse(python(code, text)) as [string, Record<string, string>, number][];
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    t.equal(samples.length, lines.length, `samples of ${name}`);
    if (name !== 'hostile') continue;
    const figures = samples.filter(([family]) => family === 'ringlab_figure');
    t.equal(figures.length, 2 * record.cells.length, 'a repeated set of labels is given once');
    t.equal(figures[0]?.[1].figure, 'a "b" \\ c d %23 e {x="1"} %2523 \\x1b[2J');
    t.equal(figures[0]?.[2], 1.5e-7);
  }
  t.end();
});

t.test('GitLab, which splits lines into shell words up to a #, sees distinct names', { skip }, (t) => {
  const code = `
import json, re, shlex, sys
words = [shlex.split(re.sub('#.*', '', line)) for line in sys.stdin]
print(json.dumps([w for w in words if w]))`;
  for (const input of Object.values(reports)) {
    const words = JSON.parse(python(code, render('openmetrics', input))) as string[][];
    t.ok(
      words.every(({ length }) => length === 2),
      'each line is a name and a value',
    );
    t.equal(new Set(words.map(([name]) => name)).size, words.length, 'distinct names');
  }
  t.end();
});
