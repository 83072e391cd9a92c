// The demo: the main job on real input. Each series is exported as an mbox, imported again as if it came from a mailing list, then
// built, booted and compared on its guests. `npm run demo -- NAME...` shows other series than the default.
import { $, fs, path, quote, tmpdir, YAML } from 'zx';

const DEFAULT = 'nvme-uring-cmd-multipath';
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const root = path.dirname(import.meta.dirname);
const dir = tmpdir();

// The shell becomes setpriv and that becomes ringlab: the process that zx started is ringlab itself. In a process group of its own
// it gets each signal once, from here; if this process is killed, the kernel ends it.
const lab = $({
  prefix: `exec setpriv --pdeathsig=TERM -- ${quote(process.execPath)} ${quote(`${root}/bin/ringlab.mjs`)} `,
  stdio: 'inherit',
  detached: true,
  nothrow: true,
});

/** An error that ends the demo with this exit code. */
class DemoError extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Runs ringlab on this terminal. Throws DemoError with its exit code unless that is 0. */
async function ringlab(pieces, ...args) {
  const child = lab(pieces, ...args);
  console.error(`\n$ ringlab ${child.cmd}`);
  const forward = (signal) => child.child?.kill(signal);
  for (const signal of FORWARDED) process.on(signal, forward);
  const { exitCode, signal } = await child;
  for (const name of FORWARDED) process.off(name, forward);
  const code = exitCode ?? (signal === 'SIGINT' ? 130 : 3);
  if (code === 0) return;
  const verb = child.cmd.split(' ', 1)[0];
  throw new DemoError(`ringlab ${verb} ended with code ${code}`, code);
}

/** What series.yaml says of a series and an mbox cannot. Throws DemoError (exit code 2) when there is no such series. */
async function infoOf(name) {
  const file = path.join(root, 'kernels/series', name, 'series.yaml');
  if (await fs.pathExists(file)) return YAML.parse(await fs.readFile(file, 'utf8'));
  const names = await fs.readdir(path.join(root, 'kernels/series'));
  throw new DemoError(`kernels/series has no series "${name}", but ${names.join(', ')}`, 2);
}

/** Runs one series; returns what it changes, in numbers. */
async function show(name) {
  const { suites, guests, needs } = await infoOf(name);
  const started = performance.now();
  const mbox = path.join(dir, `${name}.mbox`);
  const out = path.join('runs', `demo-${name}-${new Date().toISOString().replace(/[:.]/g, '-')}`);
  const report = path.join(dir, `${name}.json`);
  const below = needs ? ['--needs', needs] : [];
  const matrix = [
    ...guests.flatMap((guest) => ['--guest', guest]),
    ...suites.flatMap((suite) => ['--suite', suite]),
  ];

  await ringlab`series export ${name} --out ${mbox}`;
  await ringlab`series import ${mbox} --name demo ${below}`;
  await ringlab`run --series demo ${matrix} --out ${out}`;
  await ringlab`report ${out} --format json --out ${report}`;
  const page = path.join(out, 'report.html');
  await ringlab`report ${out} --format html --out ${page}`;

  const { fixed, new: added, regressed } = (await fs.readJson(report)).comparison;
  // A test of something that the base lacks is skipped there, and new with the series.
  if (fixed + added === 0)
    throw new Error(`${name} fixed and added no test: the demo did not show what it is for`);
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  return `${name}: ${fixed} fixed, ${added} new, ${regressed} regressed, in ${minutes} minutes.\n      Record: ${out}\n      Page: ${page}`;
}

try {
  const names = process.argv.slice(2);
  const summaries = [];
  for (const name of names.length > 0 ? names : [DEFAULT]) summaries.push(await show(name));
  console.log(`\nDemo: ${summaries.join('\n      ')}`);
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = error instanceof DemoError ? error.exitCode : 3;
} finally {
  await fs.remove(dir);
}
