/** Sources of foreign suites in a request. */
import t from 'tap';
import type { MatrixRequest } from './request.ts';
import { resolvePlan } from './request.ts';

const ctx = { signal: new AbortController().signal, emit: () => {} };
const request = (suites: string[], suiteSources: string[] = []): MatrixRequest => ({
  ...{ kernels: ['debian-6.12'], config: 'tinyconfig', fragments: [], debug: false },
  ...{
    guests: [],
    suites,
    suiteSources,
    only: [],
    patchedOnly: false,
    jobs: 1,
    kernelArgs: [],
    qemuArgs: [],
  },
});

t.test('a foreign suite is named like any other, with its source', async (t) => {
  const dir = t.testdir({});
  const { plan } = await resolvePlan(request(['liburing'], [`liburing=${dir}`]), ctx);
  t.match(plan.pairs, [{ suite: { name: 'liburing', origin: { kind: 'folder', path: dir } } }]);
});

t.test('a foreign suite is made from its folder, or from the kernel with `from: kernel`', async (t) => {
  const { plan } = await resolvePlan(request(['fio', 'kselftest']), ctx);
  t.match(plan.pairs, [
    { suite: { name: 'fio', build: { from: 'adapter' }, origin: undefined } },
    { suite: { name: 'kselftest', build: { from: 'kernel' }, origin: undefined } },
  ]);
});

t.test('foreign suites are not among those that run when none is named', async (t) => {
  const { plan } = await resolvePlan(request([]), ctx);
  t.notOk(plan.pairs.some(({ suite }) => suite.build));
});

t.test('sources that are missing or of no foreign suite are mistakes, all at once', async (t) => {
  const dir = t.testdir({});
  await t.rejects(resolvePlan(request(['liburing'], [`passthrough=${dir}`, `moon=${dir}`]), ctx), {
    exitCode: 2,
    message:
      /passthrough is not made of a source[\s\S]*expected: one of blktests, fio, kselftest, liburing[\s\S]*no suite moon[\s\S]*--source liburing=PATH/,
  });
});
