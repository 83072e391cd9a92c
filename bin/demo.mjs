// The demo: the main job on real input. Our own multipath series leaves the house as an mbox, comes back in as a stranger's
// would, and is built, booted and compared on four guests.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SERIES = 'nvme-uring-cmd-multipath';
const GUESTS = ['plain', 'iommu-strict', 'swiotlb', 'multipath'];
const SUITES = ['passthrough', 'multipath'];

const started = performance.now();
const dir = mkdtempSync(join(tmpdir(), 'ringlab-demo-'));
const flags = (name, values) => values.flatMap((value) => [name, value]);

/** Runs ringlab on our terminal; gives its exit code. Signals reach it by the terminal's process group. */
function ringlab(...args) {
  console.error(`\n$ ringlab ${args.join(' ')}`);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'ringlab.mjs'), ...args], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
  return new Promise((resolve) =>
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 3))),
  );
}

async function must(...args) {
  const code = await ringlab(...args);
  if (code !== 0) throw Object.assign(new Error(`ringlab ${args[0]} ended with code ${code}`), { code });
}

try {
  const mbox = join(dir, 'series.mbox');
  const out = join('runs', `demo-${new Date().toISOString().replace(/[:.]/g, '-')}`);
  await must('series', 'export', SERIES, '--out', mbox);
  await must('series', 'import', mbox, '--name', 'demo');
  await must(
    'run',
    '--series',
    'demo',
    ...flags('--guest', GUESTS),
    ...flags('--suite', SUITES),
    '--out',
    out,
  );
  await must('report', out, '--format', 'json', '--out', join(dir, 'report.json'));
  const { comparison } = JSON.parse(readFileSync(join(dir, 'report.json'), 'utf8'));
  if (comparison.fixed === 0)
    throw new Error('the series fixed nothing: the demo did not show what it is for');
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  console.log(
    `\nDemo: ${comparison.fixed} fixed, ${comparison.regressed} regressed, in ${minutes} minutes. Record: ${out}`,
  );
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = error.code ?? 3;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
