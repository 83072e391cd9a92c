// The demo: the main job on real input. A series of our own leaves the house as an mbox, comes back in as a stranger's would, and
// is built, booted and compared on its guests. `npm run demo -- NAME...` shows others than the default.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

const DEFAULT = 'nvme-uring-cmd-multipath';

const dir = mkdtempSync(join(tmpdir(), 'ringlab-demo-'));
const flags = (name, values) => values.flatMap((value) => [name, value]);

/** Runs ringlab on our terminal; gives its exit code. Signals reach it by the terminal's process group. */
function ringlab(...args) {
  console.error(`\n$ ringlab ${args.join(' ')}`);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'ringlab.mjs'), ...args], {
    stdio: 'inherit',
  });
  const stop = (signal) => child.kill(signal);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  return new Promise((resolve) =>
    child.on('exit', (code, signal) => {
      for (const each of ['SIGINT', 'SIGTERM']) process.off(each, stop);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 3));
    }),
  );
}

async function must(...args) {
  const code = await ringlab(...args);
  if (code !== 0) throw Object.assign(new Error(`ringlab ${args[0]} ended with code ${code}`), { code });
}

/** What a series says of itself, which an mbox cannot. Ends with code 2 where there is none of that name. */
function infoOf(name) {
  const file = join(import.meta.dirname, '../kernels/series', name, 'series.yaml');
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    const message = `there is no series of ours called "${name}": ringlab series list`;
    throw Object.assign(new Error(message), { code: 2 });
  }
}

/** What the series changes, in numbers. */
async function show(name) {
  const { suites, guests, needs } = infoOf(name);
  const started = performance.now();
  const mbox = join(dir, `${name}.mbox`);
  const out = join('runs', `demo-${name}-${new Date().toISOString().replace(/[:.]/g, '-')}`);
  const report = join(dir, `${name}.json`);
  const where = [...flags('--guest', guests), ...flags('--suite', suites), '--out', out];
  await must('series', 'export', name, '--out', mbox);
  await must('series', 'import', mbox, '--name', 'demo', ...(needs ? ['--needs', needs] : []));
  await must('run', '--series', 'demo', ...where);
  await must('report', out, '--format', 'json', '--out', report);
  const { fixed, new: added, regressed } = JSON.parse(readFileSync(report, 'utf8')).comparison;
  // Tests of what the base does not have are skipped there, and new with the series.
  if (fixed + added === 0)
    throw new Error(`${name} fixed and added nothing: the demo did not show what it is for`);
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  return `${name}: ${fixed} fixed, ${added} new, ${regressed} regressed, in ${minutes} minutes. Record: ${out}`;
}

try {
  const names = process.argv.slice(2);
  const told = [];
  for (const name of names.length > 0 ? names : [DEFAULT]) told.push(await show(name));
  console.log(`\nDemo: ${told.join('\n      ')}`);
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = error.code ?? 3;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
