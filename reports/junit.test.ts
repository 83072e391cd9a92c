/** JUnit as CI systems read it: distinct names with guest and kernel, and a size that GitLab takes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'test-results-parser';
import { create } from 'xmlbuilder2';
import type { RunRecord } from '../lab/model/run.ts';
import * as kernels from './golden/kernels.ts';
import { comparison, record } from './golden/sample.ts';
import { render, renderJunit } from './index.ts';

/** Class and name of each case, by which GitLab tells them apart. */
const namesIn = (xml: string) =>
  [...xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"/g)].map(([, of, name]) => ({ of, name }));

t.test('the name of each test has its guest and kernel, and no two cases are equal', (t) => {
  const twice = structuredClone(record);
  for (const cell of twice.cells) cell.tests.push(...cell.tests);
  for (const input of [{ record, comparison }, kernels, { record: twice }]) {
    const names = namesIn(render('junit', input));
    t.equal(new Set(names.map((each) => JSON.stringify(each))).size, names.length, 'distinct cases');
    for (const { of = '', name } of names.filter(({ of: suite = '' }) => suite.includes('/'))) {
      const [kernel, guest] = of.split('/');
      t.match(name, `[${guest}, ${kernel}]`);
    }
  }
  t.end();
});

t.test('a reader of test results counts what the report counts', (t) => {
  const file = join(t.testdir(), 'junit.xml');
  writeFileSync(file, render('junit', { record, comparison }));
  const result = parse({ type: 'junit', files: [file] });
  const xml = render('junit', { record, comparison });
  const count = (tag: string) => xml.match(new RegExp(`<${tag}[ >]`, 'g'))?.length ?? 0;
  // Its total leaves skipped tests out.
  t.match(result, { total: count('testcase') - count('skipped'), skipped: count('skipped') });
  t.equal(result.failed + result.errors, count('failure') + count('error'), 'failed tests');
  t.end();
});

t.test('a document that is too long is cut, with every test in it', (t) => {
  const [first] = record.cells;
  const tests = Array.from({ length: 20 }, (_, index) => ({
    ...{
      name: `test ${index}`,
      verdict: 'fail' as const,
      reason: 'r'.repeat(900),
      detail: 'x'.repeat(30_000),
    },
  }));
  const big: RunRecord = { ...record, cells: first ? [{ ...first, tests }] : [] };
  const whole = renderJunit({ record: big });
  t.ok(Buffer.byteLength(whole) > 600_000, 'bytes of the whole document');
  for (const limit of [500_000, 100_000, 15_000]) {
    const xml = renderJunit({ record: big }, limit);
    t.ok(Buffer.byteLength(xml) <= limit, `${Buffer.byteLength(xml)} bytes of at most ${limit}`);
    t.equal(namesIn(xml).filter(({ name }) => name?.startsWith('test ')).length, 20, 'tests');
    t.equal(xml.includes('[cut off: the run record has all of it]'), limit > 15_000, 'a word about the cut');
    t.doesNotThrow(() => create(xml), 'it is well-formed');
  }
  t.end();
});
