import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import type { Comparison } from '../model/compare.ts';
import { ringlab } from './testing/ringlab.ts';

/** Fifty instructions more in the submission path are found, and where there are none no change is seen. */

const PLANTED = join(projectRoot, 'kernels/planted/fifty-instructions.patch');
const WORKLOADS = ['nop', 'read 4k depth 1 bvec'];

t.test('a planted fifty instructions are found, and to the instruction', async (t) => {
  const only = WORKLOADS.flatMap((name) => ['--only', name]);
  const args = ['bench', '--series', PLANTED, '--guest', 'plain', '--boots', '2', ...only, '--json'];
  const { code, stdout, stderr } = await ringlab(args);
  t.equal(code, 0, stderr.slice(-2000));
  const { metrics } = JSON.parse(stdout) as Comparison;
  const submissions = metrics.filter(({ name }) => name.endsWith('.submit'));
  t.same(
    submissions.map(({ name }) => name),
    ['nop-depth-1', 'nop-depth-1-big', 'nop-depth-16', 'nop-depth-16-big', 'read-4k-depth-1-bvec'].map(
      (name) => `${name}.submit`,
    ),
  );
  for (const { name, base = 0, patched = 0, spread = 0, verdict } of submissions) {
    t.equal(verdict, 'worse', name);
    t.ok(Math.abs(patched - base - 50) <= 4, `${name}: ${base} -> ${patched}`);
    t.ok(spread <= base * 0.002, `${name}: boots are ${spread} apart`);
  }
  const calls = metrics.filter(({ name }) => name.endsWith('.syscalls'));
  t.ok(calls.every(({ verdict }) => verdict === 'same'));
});
