import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import type { Comparison } from '../model/compare.ts';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

/** `ringlab bench`: a planted patch that adds 50 instructions per submission is measured exactly, and unaffected metrics stay `same`. */

const PLANTED = join(projectRoot, 'kernels/planted/fifty-instructions.patch');
const WORKLOADS = ['nop depth 1', 'read 4k depth 1 bvec'];

t.test('bench reports 50 planted instructions per submission as worse, within 4 instructions', async (t) => {
  const only = WORKLOADS.flatMap((name) => ['--only', name]);
  const args = ['bench', '--series', PLANTED, '--guest', 'plain', '--boots', '2', ...only, '--json'];
  const { code, stdout, stderr } = await ringlab(args);
  t.equal(code, 0, `exit code; standard error: ${stderr.slice(-2000)}`);
  const { metrics } = JSON.parse(stdout) as Comparison;
  const submissions = metrics.filter(({ name }) => name.endsWith('.submit'));
  t.same(
    submissions.map(({ name }) => name),
    ['nop-depth-1', 'nop-depth-1-big', 'nop-depth-16', 'nop-depth-16-big', 'read-4k-depth-1-bvec'].map(
      (name) => `${name}.submit`,
    ),
    'metrics of submissions',
  );
  for (const { name, base = 0, patched = 0, spread = 0, verdict } of submissions) {
    t.equal(verdict, 'worse', `verdict of ${name}`);
    t.ok(Math.abs(patched - base - 50) <= 4, `${name}: ${base} -> ${patched} is 50 more, within 4`);
    t.ok(spread <= 10, `${name}: boots differ by far less than was planted, spread ${spread} of ${base}`);
  }
  const calls = metrics.filter(({ name }) => name.endsWith('.syscalls'));
  t.ok(
    calls.every(({ verdict }) => verdict === 'same'),
    'the number of system calls is the same',
  );
});

t.test('bench --clock time reports requests per second, latencies and CPU time in the kernel', async (t) => {
  const where = ['--kernel', 'debian-6.12', '--guest', 'plain'];
  const args = ['bench', '--clock', 'time', ...where, '--boots', '1', '--turns', '100', '--warm-up', '5'];
  const workload = 'read 4k depth 16 bvec';
  const { code, stdout, stderr } = await ringlab([...args, '--only', workload, '--json']);
  t.equal(code, 0, `exit code; standard error: ${stderr.slice(-2000)}`);
  const { bench, cells } = JSON.parse(stdout) as RunRecord;
  t.same(bench, { clock: 'time', turns: 100, warmUp: 5, repeats: 1 }, 'settings in the record');
  const [cell] = cells;
  const values = new Map(cell?.metrics.map(({ name, value }) => [name.replace(/^.*bvec[.]/, ''), value]));
  t.same([...values.keys()], ['iops', 'latency.p50', 'latency.p99', 'latency.p99.9', 'system'], 'metrics');
  const [p50 = 0, p99 = 0] = [values.get('latency.p50'), values.get('latency.p99')];
  t.ok(p50 > 0 && p50 <= p99, `latencies are ordered: p50 ${p50} us, p99 ${p99} us`);
  // 16 requests are in flight, so latency is about 16 / rate.
  const expected = (16 * 1e6) / (values.get('iops') ?? 0);
  t.ok(
    p50 < 2 * expected && expected < 50 * p50,
    `latency agrees with the rate: ${expected} us from the rate, ${p50} us measured`,
  );
});

t.test('bench exits with 2 under KVM, which does not count instructions', async (t) => {
  const { code, stderr } = await ringlab(['bench', '--accel', 'kvm', '--only', 'nop']);
  t.equal(code, 2, 'exit code');
  t.match(stderr, /KVM does not count instructions/);
});
