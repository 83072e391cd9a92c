/** The programs of foreign suites, with fakes of what they run. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { TapStream } from '../../lab/tap/index.ts';

const here = import.meta.dirname;

function script(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

/** What the lab reads of a program that prints TAP. */
function resultsOf({ stdout, status }: { stdout: string; status: number | null }) {
  const stream = new TapStream();
  stream.write(Buffer.from(stdout));
  return stream.end({ code: status });
}

/** Runs a test of blktests whose `check` prints a text and leaves files of results. */
function blktest(t: Test, printed: string, files: Record<string, string> = {}) {
  const dir = t.testdir({
    block: {},
    blktests: {
      results: { nodev: { block: {} }, nvme0n1: { block: {} }, nodev_tr_loop_bd_file: { block: {} } },
    },
  });
  copyFileSync(join(here, 'blktests/run-one.sh'), join(dir, 'run-one.sh'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, 'blktests/results', name), text);
  script(join(dir, 'blktests/check'), `#!/bin/bash\ncat <<'END'\n${printed}END\n`);
  const options = { cwd: join(dir, 'block'), encoding: 'utf8' } as const;
  return resultsOf(spawnSync('bash', ['../run-one.sh', 'block/005'], options));
}

t.test('a test of blktests that passes is one result, and a check that prints its status twice too', (t) => {
  const printed = `block/005 (switch schedulers while doing IO)                
    runtime  ...
block/005 (switch schedulers while doing IO)                 [passed]
    runtime    ...  1.234s
`;
  t.match(blktest(t, printed), [{ name: 'without a device', verdict: 'pass' }]);
  t.end();
});

t.test('a test that runs on devices has a result for each, with the reason of a skip', (t) => {
  const printed = `block/005 => nvme0n1 (switch schedulers while doing IO)  [not run]
    /dev/nvme0n1 is not a zoned block device
    driver scsi_debug is not available
block/005 => nullb0 (switch schedulers while doing IO)   [passed]
    runtime    ...  0.020s
`;
  t.match(blktest(t, printed), [
    { name: 'nvme0n1', verdict: 'skip', reason: /not a zoned block device; driver scsi_debug/ },
    { name: 'nullb0', verdict: 'pass' },
  ]);
  t.end();
});

t.test('a failure has the reason of check and the files that it left', (t) => {
  const printed = `block/005 => nvme0n1 (switch schedulers while doing IO)  [failed]
    runtime    ...  1.234s
    something found in dmesg:
    [  9.1] WARNING: CPU: 0
`;
  const results = blktest(t, printed, { 'nvme0n1/block/005.full': 'fio: io error\n' });
  t.match(results, [
    { name: 'nvme0n1', verdict: 'fail', reason: /something found in dmesg/, detail: /full: fio: io error/ },
  ]);
  t.equal(results.length, 1, 'results');
  t.end();
});

t.test('of output that differs from what is expected the reason has the first lines of both', (t) => {
  const printed = `block/005 => nullb0 (switch schedulers while doing IO)   [failed]
    runtime    ...  7.5s
    --- tests/block/005.out\t2026-01-01 00:00:00.000000000 +0000
    +++ /x/results/nullb0/block/005.out.bad\t2026-01-01 00:00:09.100000000 +0000
    @@ -1,5 +1,5 @@
     Running block/005
    -write 1 s
    -write 3 s
    +write 6 s
     Test complete
`;
  t.match(blktest(t, printed), [
    { name: 'nullb0', verdict: 'fail', reason: /^expected: write 1 s; printed: write 6 s$/ },
  ]);
  t.end();
});

t.test(
  'what its whole group lacks is the reason of a test, and a check that prints no result is skipped with its words',
  (t) => {
    const lacks =
      'block/***                                           [not run]\n    driver ublk_drv is not available\n';
    t.match(blktest(t, lacks), [{ verdict: 'skip', reason: /^driver ublk_drv is not available$/ }]);
    const device = `block/*** => nullb0                                 [not run]
    /dev/nullb0 is not zoned
block/005 => nvme0n1 (switch schedulers)                [passed]
`;
    t.match(blktest(t, device), [
      { name: 'nullb0', verdict: 'skip', reason: /not zoned/ },
      { name: 'nvme0n1', verdict: 'pass' },
    ]);
    const none = blktest(t, 'common/rc: line 9: no such program\n');
    t.match(none, [{ verdict: 'skip', reason: /printed no result: common\/rc: line 9: no such program/ }]);
    t.end();
  },
);

t.test('a test that runs with several settings has a result for each', (t) => {
  const printed = `block/005 (tr=loop bd=device) (run verification)     [passed]
    runtime    ...  7.5s
block/005 (tr=loop bd=file) (run verification)       [not run]
    no such target
block/005 => nullb0 (tr=tcp) (run verification)       [passed]
`;
  t.match(blktest(t, printed), [
    { name: /^tr=loop bd=device$/, verdict: 'pass' },
    { name: /^tr=loop bd=file$/, verdict: 'skip', reason: /no such target/ },
    { name: /^nullb0 tr=tcp$/, verdict: 'pass' },
  ]);
  const failed = blktest(t, 'block/005 (tr=loop bd=file) (run)  [failed]\n    status: 1\n', {
    'nodev_tr_loop_bd_file/block/005.full': 'no space left\n',
  });
  t.match(failed, [{ verdict: 'fail', detail: /full: no space left/ }]);
  t.end();
});

t.test('a check that ends without a status has no passing result', (t) => {
  const results = blktest(t, './check: line 7: bash: syntax error\n');
  t.notOk(results.some(({ verdict }) => verdict === 'pass'));
  t.ok(results.length > 0, 'results');
  t.end();
});

const JOBS = {
  jobs: [
    {
      ...{ jobname: 'random-reads', error: 0 },
      read: {
        ...{ total_ios: 100, iops: 5000.5, bw_bytes: 20_971_520 },
        clat_ns: { mean: 150_000, percentile: { '99.000000': 900_000 } },
      },
      write: { total_ios: 0 },
    },
    { jobname: 'writes', error: 84, read: { total_ios: 0 }, write: { total_ios: 0 } },
  ],
};

function fio(t: Test, text: string) {
  const dir = t.testdir({ bin: {}, 'a.fio': '' });
  mkdirSync(join(dir, 'bin'), { recursive: true });
  script(join(dir, 'bin/fio'), `#!/bin/sh\n${text}\n`);
  const env = { ...process.env, PATH: `${join(dir, 'bin')}:${process.env.PATH}` };
  const options = { cwd: dir, env, encoding: 'utf8' } as const;
  return resultsOf(spawnSync(process.execPath, [join(here, 'fio/run-job.cjs'), 'a.fio'], options));
}

t.test('the figures of a fio job are metrics of its result; a job with an error fails', (t) => {
  const results = fio(t, `echo 'note: something'; cat <<'END'\n${JSON.stringify(JOBS)}\nEND\nexit 1`);
  t.match(results, [
    {
      ...{ name: 'random-reads', verdict: 'pass' },
      metrics: [
        { name: 'read iops', value: 5000.5, unit: 'IOPS', better: 'higher' },
        { name: 'read bandwidth', value: 20, unit: 'MiB/s' },
        { name: 'read latency mean', value: 150, unit: 'us', better: 'lower' },
        { name: 'read latency p99', value: 900 },
      ],
    },
    { name: 'writes', verdict: 'fail', reason: 'fio reports error 84' },
  ]);
  t.equal(results.length, 2, 'results');
  t.end();
});

t.test('a fio that does not run is a failure with its words', (t) => {
  t.match(fio(t, 'echo "fio: job file not found" >&2; exit 1'), [
    { name: 'a.fio', verdict: 'fail', reason: /ended with code 1: fio: job file not found/ },
  ]);
  t.end();
});
