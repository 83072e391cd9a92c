import { join } from 'node:path';
import t, { type Test } from 'tap';
import { InputError } from '../core/errors.ts';
import { defaultConfig } from '../kernel/index.ts';
import { type MatrixRequest, resolvePlan } from './request.ts';
import { checkPlan } from './validate.ts';

const ctx = { signal: new AbortController().signal, emit: () => {} };
const usual = defaultConfig(false).fragments;

/** The plan of two suites of the user, the first of which names fragments. */
async function planOf(t: Test, suiteYaml: string, more: Partial<MatrixRequest> = {}) {
  const suite = (name: string, text: string) => ({ 'suite.yaml': `name: ${name}\n${text}`, 'index.ts': '' });
  const dir = t.testdir({ first: suite('first', suiteYaml), second: suite('second', '') });
  const request = {
    ...{ kernels: [], config: 'tinyconfig', fragments: [], debug: false, guests: [], only: [] },
    ...{ suites: [join(dir, 'first'), join(dir, 'second')], patchedOnly: false, jobs: 1 },
    ...{ kernelArgs: [], qemuArgs: [], ...more },
  };
  return (await resolvePlan(request, ctx)).plan;
}

t.test(
  'a run has the fragments of all its suites, after the usual ones and before those of the user',
  async (t) => {
    const plain = await planOf(t, '');
    t.same(plain.config.fragments, usual);
    const named = await planOf(t, 'fragments: [tools, fault]\n', { fragments: ['mine.config'] });
    t.same(named.config.fragments, [...usual, 'tools', 'mine.config']);
    t.same(
      named.pairs.map(({ suite }) => suite.name),
      ['first', 'second'],
      'one configuration for both',
    );
  },
);

t.test('a suite with an unknown fragment is an InputError with the fragments that exist', async (t) => {
  const plan = await planOf(t, 'fragments: [toolz]\n');
  const error: unknown = await checkPlan(plan, ctx).catch((thrown: unknown) => thrown);
  t.ok(error instanceof InputError);
  t.match(error, { message: /no config fragment toolz[\s\S]*expected: .*tools/ });
  await t.rejects(planOf(t, 'fragments: [./mine.config]\n'), /suite\.yaml:2.*name of a fragment/);
});
