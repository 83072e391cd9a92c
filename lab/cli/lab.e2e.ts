import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type { Comparison } from '../model/compare.ts';
import type { CellRecord, RunRecord } from '../model/run.ts';
import { onePatch } from './testing/patch.ts';
import { processesWith, ringlab, startRinglab } from './testing/ringlab.ts';

/** The main job on real kernels in real guests: what unit tests with fakes cannot show. */

const SERIES = 'nvme-uring-cmd-multipath';
const dir = t.testdir();
const json = <T>(text: string) => JSON.parse(text) as T;

t.test('the base kernel is built once and then found in the store', async (t) => {
  const first = await ringlab(['build', '--json']);
  t.equal(first.code, 0, first.stderr.slice(-2000));
  const again = json<{ cached: boolean; sandboxed: boolean; key: string }>(
    (await ringlab(['build', '--json'])).stdout,
  );
  t.ok(again.cached);
  t.equal(again.key, json<{ key: string }>(first.stdout).key);
});

t.test('the multipath series fixes tests, breaks none, and its record is that of its events', async (t) => {
  const out = join(dir, 'run');
  const matrix = [
    '--guest',
    'plain',
    '--guest',
    'multipath',
    '--suite',
    'passthrough',
    '--suite',
    'multipath',
  ];
  const { code, stdout, stderr } = await ringlab([
    'run',
    '--series',
    SERIES,
    ...matrix,
    '--out',
    out,
    '--events',
    join(dir, 'events.ndjson'),
    '--json',
  ]);
  t.equal(code, 0, stderr.slice(-2000));
  const comparison = json<Comparison>(stdout);
  t.ok(comparison.fixed > 0, `${comparison.fixed} fixed`);
  t.equal(comparison.regressed, 0);
  t.equal(comparison.failed, 0);
  t.ok(comparison.passed >= 40, `${comparison.passed} passed`);
  t.same(comparison.brokenCells, []);

  const record = readFileSync(join(out, 'run.json'), 'utf8');
  for (const path of [process.cwd(), process.env.HOME ?? '/root', '/tmp/']) {
    t.notOk(record.includes(`"${path}`), `no ${path} in the record`);
  }
  const kept = readdirSync(out);
  t.equal(kept.filter((name) => name.endsWith('.tap')).length, 4);
  t.equal(kept.filter((name) => name.startsWith('console-')).length, 4);
  for (const format of ['text', 'markdown', 'junit', 'json']) {
    const report = await ringlab(['report', out, '--format', format]);
    t.equal(report.code, 0);
    t.match(report.stdout, /multipath/, format);
  }
  const same = await ringlab(['compare', out, out, '--json']);
  t.match(json<Comparison>(same.stdout), { fixed: 0, regressed: 0, changed: 0 });
  const replayed = await ringlab(['report', join(dir, 'events.ndjson'), '--format', 'json']);
  t.equal(
    replayed.stdout,
    (await ringlab(['report', out, '--format', 'json'])).stdout,
    'record of the events',
  );
});

t.test('a cell spec of a run gives the same results again', async (t) => {
  const out = join(dir, 'run');
  const spec = readdirSync(out).find((name) => /^cell-.*\+.*_multipath_multipath\.json$/.test(name));
  t.ok(spec, 'spec of the patched multipath cell');
  const again = join(dir, 'again');
  const { code, stderr } = await ringlab(['run', '--cell', join(out, spec ?? ''), '--out', again, '--json']);
  t.equal(code, 0, stderr.slice(-2000));
  const verdictsOf = ({ tests }: CellRecord) => tests.map(({ name, verdict }) => `${verdict} ${name}`);
  const recordOf = (folder: string) => json<RunRecord>(readFileSync(join(folder, 'run.json'), 'utf8'));
  const [cell] = recordOf(again).cells;
  const before = recordOf(out).cells.find(
    ({ kernel, suite }) => kernel === cell?.kernel && suite === 'multipath',
  );
  t.same(cell && verdictsOf(cell), before && verdictsOf(before));
  t.equal(cell?.attempts[0]?.key, before?.attempts[0]?.key, 'key of the cell');
});

t.test(
  'a series that panics the kernel gives crash for the running test, and later tests have their verdicts from a fresh guest',
  async (t) => {
    const patch = join(dir, '0001-crash.patch');
    writeFileSync(patch, onePatch('nvme: die on an unknown opcode', 'BUG_ON(cmd->opcode == 0xff);'));
    const { code, stdout, stderr } = await ringlab([
      'run',
      '--series',
      patch,
      '--guest',
      'plain',
      '--suite',
      'passthrough',
      '--out',
      join(dir, 'crash'),
      '--json',
    ]);
    t.equal(code, 1, stderr.slice(-2000));
    const found = json<Comparison>(stdout);
    t.ok(found.regressed > 0);
    const died = found.tests.filter((test) => test.patched === 'crash');
    // An SQE that is overwritten after its submission, and read only then, has that opcode too.
    const own = /opcode|overwritten/;
    t.ok(died.length > 0 && died.every(({ name }) => own.test(name)), 'tests that crash');
    t.same(
      found.tests.filter(({ base, patched }) => base !== patched),
      died,
      'tests with another verdict than on base',
    );
    t.match(found.brokenCells, [{ side: 'patched', verdict: 'crash', reason: /kernel BUG|panic/i }]);
    for (const { name, confirmation } of died) {
      const rates = { patched: { failed: 3, runs: 3 }, base: { failed: 0, runs: 3 } };
      t.match(confirmation, { outcome: 'fails', ...rates }, name);
    }

    const alone = ['--series', patch, '--patched-only', '--guest', 'plain', '--suite', 'passthrough'];
    alone.push('--restarts', '0');
    const single = await ringlab(['run', ...alone, '--out', join(dir, 'crash-alone'), '--json']);
    t.equal(single.code, 1, single.stderr.slice(-2000));
    const tests = json<RunRecord>(single.stdout).cells.flatMap((cell) => cell.tests);
    const nameOf = ({ name }: { name: string }) => name;
    t.same(tests.map(nameOf).sort(), found.tests.map(nameOf).sort(), 'every test of the suite has a result');
    t.equal(tests.filter(({ verdict }) => verdict === 'crash').length, 1, 'tests that crashed');
    const lost = tests.filter(({ verdict }) => verdict === 'lost');
    t.ok(
      lost.length > 0 &&
        lost.every(({ reason }) => /no result arrived: .*; --restarts 0$/.test(reason ?? '')),
      'lost tests',
    );
  },
);

t.test('a series that does not apply or build ends with its evidence', async (t) => {
  const bad = join(dir, '0001-broken.patch');
  writeFileSync(bad, onePatch('nvme: do not compile', 'this_is_not_c;'));
  const built = await ringlab(['build', '--series', bad]);
  t.equal(built.code, 1);
  t.match(built.stderr, /ioctl\.c/);
  t.match(built.stderr, /this_is_not_c/);

  const stale = join(dir, '0001-stale.patch');
  writeFileSync(stale, onePatch('nvme: of another time', 'x();').replace(/^ /gm, ' not here: '));
  const applied = await ringlab([
    'run',
    '--series',
    stale,
    '--guest',
    'plain',
    '--suite',
    'passthrough',
    '--out',
    join(dir, 'stale'),
  ]);
  t.equal(applied.code, 1);
  t.match(applied.stdout, /apply-failed[\s\S]*ioctl\.c/);
});

t.test('shell runs one command in a fresh guest and takes its exit code', async (t) => {
  const { code, stdout, stderr } = await ringlab([
    'shell',
    '--guest',
    'iommu-strict',
    '--',
    'cat /proc/cmdline; ls /sys/class/iommu; exit 7',
  ]);
  t.equal(code, 7, stderr.slice(-2000));
  t.match(stdout, /intel_iommu=on/);
  t.match(stdout, /dmar/);
});

t.test('a guest reaches neither the host nor anything beyond it', async (t) => {
  let calls = 0;
  const server = createServer((socket) => {
    calls++;
    socket.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  // 10.0.2.2 is the host's loopback in QEMU's user network (QEMU manual, "Using the user mode network stack").
  const script = `nc -w 3 127.0.0.1 22 </dev/null | head -c 3; nc -w 3 10.0.2.2 ${port} </dev/null && echo reached`;
  const { stdout } = await ringlab(['shell', '--', script]);
  t.equal(stdout.trim(), 'SSH', 'output of nc: SSH of the guest, nothing of the host');
  t.equal(calls, 0);
});

/** Sends `signal` to the lab when its output shows `stage`; returns when it has ended. */
async function signalAt(signal: NodeJS.Signals, stage: RegExp, args: string[], mark: string): Promise<void> {
  await using lab = startRinglab(args, { RINGLAB_E2E_MARK: mark });
  let seen = '';
  const reached = new Promise<void>((resolve) => {
    lab.stderr.on('data', (chunk: Buffer) => {
      seen += chunk.toString('utf8');
      if (stage.test(seen)) resolve();
    });
  });
  lab.stdout.on('data', () => {});
  await Promise.race([reached, lab.ended]);
  if (!stage.test(seen)) throw new Error(`${stage} was never reached:\n${seen}`);
  process.kill(lab.pid, signal);
  await lab.ended;
}

/** Kills the lab with SIGKILL when its output shows `stage`, and says what was left running. */
async function killedAt(stage: RegExp, args: string[], mark: string): Promise<string[]> {
  await signalAt('SIGKILL', stage, args, mark);
  // The parent-death signal is on its way; what ignores it would still be here after these looks.
  for (let look = 0; look < 50 && processesWith(mark).length > 0; look++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return processesWith(mark);
}

t.test('an interrupted run leaves no process, and no planned cell is missing in its record', async (t) => {
  const out = join(dir, 'interrupted');
  const matrix = ['--guest', 'plain', '--guest', 'iommu-strict', '--suite', 'passthrough', '--jobs', '1'];
  const args = ['run', '--series', SERIES, ...matrix, '-v', '--out', out];
  const mark = `ringlab-e2e-${process.pid}-interrupted`;
  await signalAt('SIGINT', /cell .*: pass /, args, mark);
  t.same(processesWith(mark), []);
  const { interrupted, cells } = json<RunRecord>(readFileSync(join(out, 'run.json'), 'utf8'));
  t.ok(interrupted);
  t.equal(cells.length, 4);
  t.ok(
    cells.every(({ verdict, reason }) => verdict === 'lost' && reason?.includes('interrupted')),
    JSON.stringify(cells.map(({ verdict, reason }) => ({ verdict, reason }))),
  );
});

t.test('kill -9 of the lab at five stages leaves no process, and the next run completes', async (t) => {
  const patch = join(dir, '0001-new.patch');
  // New each time, so that the kernel really has to be built.
  writeFileSync(patch, onePatch('nvme: say something new', `BUILD_BUG_ON_MSG(0, "${Date.now()}");`));
  const args = ['run', '--series', patch, '--guest', 'plain', '--suite', 'passthrough', '-v', '--out'];
  const stages: [string, RegExp][] = [
    ['source', /(source|kernel) debian-6\.12/],
    ['build', /kernel debian-6\.12\+.*(begins|%)/],
    ['boot', /guest .*: begins/],
    ['suite', /cell .*: pass /],
    ['second cell', /cell debian-6\.12\/plain\/passthrough: pass,/],
  ];
  for (const [name, stage] of stages) {
    const mark = `ringlab-e2e-${process.pid}-${name.replace(' ', '-')}`;
    t.same(
      await killedAt(stage, [...args, join(dir, `killed-${name}`)], mark),
      [],
      `${name}: processes left`,
    );
  }
  const next = await ringlab([...args, join(dir, 'after')]);
  t.equal(next.code, 0, next.stderr.slice(-2000));
});
