/** Implementations that differ from the project's series where the proposals are silent: suites are fair to them (kernels/variants). */
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import type { TestResult } from '../model/result.ts';
import type { RunRecord } from '../model/run.ts';
import { isFailure } from '../model/verdict.ts';
import { ringlab } from './testing/ringlab.ts';

const dir = t.testdir();

/** The results of a variant on its kernel, by guest. */
async function resultsOf(variant: string): Promise<Map<string, TestResult[]>> {
  const series = join(projectRoot, 'kernels/variants', variant);
  const args = ['run', '--series', series, '--patched-only', '--json'];
  const { stdout, stderr } = await ringlab([...args, '--out', join(dir, variant)]);
  const record = JSON.parse(stdout || '{"cells":[]}') as RunRecord;
  t.ok(record.cells.length > 0, stderr.slice(-1000));
  return new Map(record.cells.map(({ profile, tests }) => [profile, tests]));
}

/** Failures, as `class: name`. */
const failuresOf = (tests: readonly TestResult[] = []) =>
  tests.filter(({ verdict }) => isFailure(verdict)).map(({ class: of, name }) => `${of}: ${name}`);

/** Names of tests that report another choice, in their verdict or besides. */
const differing = (tests: readonly TestResult[] = []) =>
  tests
    .filter(({ verdict, choices = [] }) => verdict === 'todo' || choices.length > 0)
    .map(({ name }) => name);

/** What a variant passes of the classes that are not up to it. */
const passesOf = (tests: readonly TestResult[] = []) =>
  tests.filter(({ verdict, class: of }) => verdict === 'pass' && of !== 'choice').length;

t.test(
  'the naive mapping of buffers starves bounce buffers, and nothing else is wrong with it',
  async (t) => {
    const results = await resultsOf('dma-premap-naive');
    const [plain, swiotlb] = [results.get('plain'), results.get('swiotlb')];
    t.same(failuresOf(plain), [], 'failures on plain');
    t.same(failuresOf(swiotlb), ['objection: however much is mapped, I/O of other memory succeeds']);
    t.ok(passesOf(plain) >= 25, `${passesOf(plain)} tests that are no choices pass on plain`);
    const limit = 'mapping more than nvme.premap_bounce_kb fails with ENOBUFS, and I/O succeeds unmapped';
    t.ok(differing(swiotlb).includes(limit), 'its own limit is a choice');
    t.ok(differing(plain).includes('reads at page and sector edges fill the requested bytes and no others'));
  },
);

t.test('another order of checks and other errnos are choices', async (t) => {
  const results = await resultsOf('dma-premap-order');
  for (const [guest, tests] of results) t.same(failuresOf(tests), [], `failures on ${guest}`);
  const plain = results.get('plain');
  for (const name of [
    'mapping an empty buffer slot fails with EFAULT',
    'cloning a mapped buffer fails with EBUSY, and so does mapping a cloned one',
    'mapping and unmapping without CAP_SYS_ADMIN fail with EPERM',
    'mapping a mapped buffer fails with EBUSY and undoes the other mappings of the call',
  ])
    t.ok(differing(plain).includes(name), name);
});

t.test('a stricter implementation of groups is no worse, and its errno is that of the RFC', async (t) => {
  const tests = (await resultsOf('sqe-group-strict')).get('plain') ?? [];
  t.same(failuresOf(tests), []);
  const cutOff = 'default ring: a group cut off by the end of its submission ends there and succeeds';
  t.ok(differing(tests).includes(cutOff), cutOff);
  const behaviours = tests.flatMap(({ behaviour }) => behaviour ?? []);
  t.ok(behaviours.includes('result of a member whose leader fails: RFC (-EIO)'), 'the errno of the RFC');
  t.ok(passesOf(tests) >= 80, `${passesOf(tests)} tests that are no choices pass`);
});
