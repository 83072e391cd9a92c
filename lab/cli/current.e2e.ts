/** The newest kernel of Debian backports: downloaded without root, built, and tested by the suites that are for every kernel. */
import t from 'tap';
import type { RunRecord } from '../model/run.ts';
import type { ListedSource } from '../model/source-list.ts';
import { isFailure } from '../model/verdict.ts';
import { ringlab } from './testing/ringlab.ts';

const KERNEL = 'debian-7.3';
const SUITES = ['passthrough', 'ring-model', 'ublk'];

t.test(`the suites ${SUITES.join(', ')} pass on ${KERNEL}`, async (t) => {
  const chosen = SUITES.flatMap((suite) => ['--suite', suite]);
  const args = ['run', '--kernel', KERNEL, '--guest', 'plain', ...chosen, '--out', t.testdir(), '--json'];
  const { code, stdout, stderr } = await ringlab(args);
  const { kernels, cells } = JSON.parse(stdout) as RunRecord;
  t.match(kernels, [{ name: KERNEL, release: /^7\.3\./, warnings: [] }]);
  t.same(cells.map(({ suite }) => suite).sort(), SUITES);
  for (const { suite, verdict, tests, complaints } of cells) {
    const failures = tests.filter((test) => isFailure(test.verdict));
    const list = failures.map(({ name, reason = '' }) => `${name}: ${reason}`);
    t.same(list, [], `failures of ${suite}: ${list.join('; ') || 'none'}`);
    const count = (wanted: string) => tests.filter((test) => test.verdict === wanted).length;
    t.equal(verdict, 'done', `verdict of ${suite}`);
    t.ok(count('pass') > 10 || suite === 'ring-model', `${suite} has ${count('pass')} passed tests`);
    t.ok(count('pass') > 0, `${suite} has passed tests`);
    // The suite aborts commands on purpose, which the driver reports as a timeout.
    const fatal = complaints.filter((complaint) => complaint.fatal);
    t.same(fatal, [], `fatal complaints of ${suite}`);
  }
  t.equal(code, 0, stderr.slice(-3000));
});

t.test('its source is listed with the version that was downloaded', async (t) => {
  const { stdout } = await ringlab(['source', 'list', '--json']);
  const source = (JSON.parse(stdout) as ListedSource[]).find(({ name }) => name === KERNEL);
  t.match(source, { ready: true, version: /^7\.3\./, suite: 'trixie-backports' });
});
