import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import type { Comparison } from '../model/compare.ts';
import type { RunRecord } from '../model/result.ts';
import { ringlab } from './testing/ringlab.ts';

/** Fifty instructions more in the submission path are found, and where there are none no change is seen. */

const PLANTED = join(projectRoot, 'kernels/planted/fifty-instructions.patch');
const WORKLOADS = ['nop depth 1', 'read 4k depth 1 bvec'];

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

t.test('by the time clock: requests a second, latencies, CPU in the kernel', async (t) => {
  const where = ['--kernel', 'debian-6.12', '--guest', 'plain'];
  const args = ['bench', '--clock', 'time', ...where, '--boots', '1', '--turns', '100', '--warm-up', '5'];
  const workload = 'read 4k depth 16 bvec';
  const { code, stdout, stderr } = await ringlab([...args, '--only', workload, '--json']);
  t.equal(code, 0, stderr.slice(-2000));
  const { measuring, cells } = JSON.parse(stdout) as RunRecord;
  t.same(measuring, { clock: 'time', turns: 100, warmUp: 5, boots: 1 });
  const [cell] = cells;
  const of = new Map(cell?.metrics.map(({ name, value }) => [name.replace(/^.*bvec[.]/, ''), value]));
  t.same([...of.keys()], ['iops', 'latency.p50', 'latency.p99', 'latency.p99.9', 'system']);
  const [p50 = 0, p99 = 0] = [of.get('latency.p50'), of.get('latency.p99')];
  t.ok(p50 > 0 && p50 <= p99, `latencies ${p50} and ${p99} us`);
  // Sixteen are under way at a time.
  const expected = (16 * 1e6) / (of.get('iops') ?? 0);
  t.ok(p50 < 2 * expected && expected < 50 * p50, `${expected} us from the rate, ${p50} us measured`);
});

t.test('KVM is no clock for instructions', async (t) => {
  const { code, stderr } = await ringlab(['bench', '--accel', 'kvm', '--only', 'nop']);
  t.equal(code, 2);
  t.match(stderr, /KVM does not count instructions/);
});
