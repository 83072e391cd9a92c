import t from 'tap';
import { verdictsOnBase } from './testing/base.ts';
import { noticed } from './testing/mutants.ts';
import { ringlab } from './testing/ringlab.ts';

/** The series sqe-group: its cost for requests outside groups, its behaviour on the base, and two of the mutants that its suite kills. */

const SERIES = ['--series', 'sqe-group'];

/** The part of `ringlab bench --json` that is read here; a metric of one side only has one value. */
interface BenchOutput {
  metrics: { name: string; base?: number; patched?: number }[];
}

t.test('a request outside groups costs at most 0.5% more instructions, a linked request 2%', async (t) => {
  const tests = ['nop depth 1', 'nop depth 32', 'read 4k depth 1 none', 'read 4k depth 32'];
  const where = ['--suite', 'bench', '--guest', 'plain', '--boots', '1'];
  const only = tests.flatMap((name) => ['--only', name]);
  const { code, stdout, stderr } = await ringlab(['bench', ...SERIES, ...where, ...only, '--json']);
  t.ok(
    code === 0 || code === 1,
    `exit code of ringlab bench: ${code}; standard error: ${stderr.slice(-2000)}`,
  );
  const { metrics } = JSON.parse(stdout) as BenchOutput;
  const submissions = metrics.filter(({ name, base }) => name.endsWith('.submit') && base !== undefined);
  t.ok(submissions.length >= 7, `at least 7 submission metrics: ${submissions.length}`);
  for (const { name, base = 0, patched = Number.POSITIVE_INFINITY } of submissions) {
    // Links and groups are assembled by one function, which costs a linked request nine instructions.
    const limit = name.includes('linked') ? 1.02 : 1.005;
    t.ok(
      patched <= base * limit,
      `${name}: base ${base}, patched ${patched}, at most ${limit} times the base`,
    );
  }
});

t.test('the suite kills the mutants leader-cqe-early and cancel-any', async (t) => {
  const where = [...SERIES, '--guest', 'plain', '--suite', 'sqe-group'];
  const killed = await noticed(where, ['leader-cqe-early', 'cancel-any']);
  t.same(killed, [true, true], 'killed: leader-cqe-early, cancel-any');
});

t.test('the base skips every test of the suite', async (t) => {
  t.same(await verdictsOnBase('sqe-group'), ['skip'], 'distinct verdicts on the base');
});
