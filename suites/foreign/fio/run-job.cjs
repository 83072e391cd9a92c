// Runs a job file of fio in the guest and reports each job as TAP with its figures as metrics.
// usage: node run-job.cjs JOB.fio
'use strict';
const { spawnSync } = require('node:child_process');

/** Share by which figures of elapsed time differ between boots of the same kernel: without KVM the host's load is in them. */
const NOISE = 0.3;

const [, , file] = process.argv;
const options = ['--output-format=json', '--eta=never', file];
const fio = spawnSync('fio', options, { encoding: 'utf8', maxBuffer: 64 << 20 });

function stop(reason) {
  console.log(`TAP version 14\nnot ok 1 - ${file}\n  ---\n  message: ${JSON.stringify(reason)}\n  ...\n1..1`);
  process.exit(1);
}

if (fio.error)
  stop(
    fio.error.code === 'ENOENT'
      ? 'the guest has no fio, which is in the Debian package fio'
      : fio.error.message,
  );
process.stderr.write(fio.stderr ?? '');
const start = fio.stdout.indexOf('{');
if (start < 0) stop(`fio ended with code ${fio.status}: ${(fio.stderr || fio.stdout).trim().split('\n')[0]}`);
const { jobs = [] } = JSON.parse(fio.stdout.slice(start));

const figure = (name, value, unit, better) => ({ name, value, unit, better, noise: NOISE });

/** The figures of one direction of a job: read, write or trim. */
function metricsOf(direction, { total_ios: total, iops, bw_bytes: bandwidth, clat_ns: latency }) {
  if (!total) return [];
  const tail = latency.percentile?.['99.000000'];
  return [
    figure(`${direction} iops`, iops, 'IOPS', 'higher'),
    figure(`${direction} bandwidth`, bandwidth / 2 ** 20, 'MiB/s', 'higher'),
    figure(`${direction} latency mean`, latency.mean / 1000, 'us', 'lower'),
    ...(tail === undefined ? [] : [figure(`${direction} latency p99`, tail / 1000, 'us', 'lower')]),
  ];
}

console.log('TAP version 14');
jobs.forEach((job, index) => {
  const metrics = ['read', 'write', 'trim'].flatMap((direction) =>
    metricsOf(direction, job[direction] ?? {}),
  );
  const why = job.error
    ? `fio reports error ${job.error}`
    : metrics.length === 0
      ? 'the job did no I/O'
      : undefined;
  console.log(`${why ? 'not ok' : 'ok'} ${index + 1} - ${job.jobname}\n  ---`);
  if (why) console.log(`  message: ${JSON.stringify(why)}`);
  if (metrics.length > 0) console.log(`  metrics: ${JSON.stringify(metrics)}`);
  console.log('  ...');
});
console.log(`1..${jobs.length}`);
process.exit(fio.status === 0 ? 0 : 1);
