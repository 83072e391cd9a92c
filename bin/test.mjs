#!/usr/bin/env node
// `npm test`: checks that read the code, the unit tests, then the end-to-end tests in real guests. Ends with the count of all.
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { runChecks } from './testing/checks.mjs';
import { findTests } from './testing/files.mjs';
import { TimeLimit } from './testing/limit.mjs';
import { ensureNode, otherReleases } from './testing/nodes.mjs';
import { printEnd, printFile } from './testing/output.mjs';
import { newResult, Tally } from './testing/tally.mjs';
import { runTap } from './testing/tap.mjs';

const HELP = `Usage: npm test [-- [--unit | --e2e] [--nodes | --all] [--nightly] [--within MINUTES] [FILE or FOLDER]...]

Checks format, types and imports, then runs the unit tests (*.test.ts) and the end-to-end tests (*.e2e.ts).
  --unit    leave the end-to-end tests out
  --e2e     only the end-to-end tests
  --nodes   only with the other supported versions of Node.js: the unit tests where it matters, and one file in guests
  --all     everything with this Node.js, then with the other releases what uses Node.js most
  --nightly the tests too that take long (*.nightly.e2e.ts)
  --within  minutes: an end-to-end file or another Node.js that would not end within them counts as skipped
With files or folders, only their tests are run.`;

const root = dirname(import.meta.dirname);
// Runs of tests do not go into the history of the user.
process.env.RINGLAB_STORE ??= join(root, 'build/test-history.db');
/** Seconds that one end-to-end file may take, kernel builds from an empty cache included. */
const E2E_TIMEOUT = 2400;
/** The files that take longest, since they build kernels from an empty cache or boot many guests: they run first. */
const LONG_E2E = ['lab/cli/bench.e2e.ts', 'lab/cli/current.e2e.ts', 'lab/cli/lab.e2e.ts'];
/** What a file is expected to take at most, ms, on a machine of half the usual speed. */
const E2E_EXPECTED = { long: 12 * 60_000, other: 4 * 60_000 };
/** What shows in guests that a version of Node.js works there. */
const NODE_E2E = 'lab/cli/node.e2e.ts';
/**
 * Tests of what this machine's sandbox, compiler and disks do, and of the checkout: many minutes, in which the version of Node.js has
 * no part. Files and folders.
 */
const OF_THE_MACHINE = [
  ...['lab/core/sandbox/', 'lab/core/sandbox.test.ts', 'lab/cli/disk.test.ts', 'lab/source/hostile.test.ts'],
  ...['hostile/', 'hostile.test.ts', 'poison.test.ts', 'interrupted.test.ts', 'build.test.ts'].map(
    (name) => `lab/kernel/${name}`,
  ),
  ...['bin/testing/testing.test.ts', 'lab/cli/docs.test.ts', 'reports/schema/schema.test.ts'],
];
/** What uses most of Node.js: the other releases run it in CI, and with --nodes everything but the above. */
const OF_NODE = ['bin/', 'lab/core/', 'setup/', 'suites/'];

function readArguments() {
  const flag = { type: 'boolean', default: false };
  const within = { type: 'string' };
  const options = { unit: flag, e2e: flag, nodes: flag, all: flag, nightly: flag, within, help: flag };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.unit && values.e2e) throw new Error('--unit and --e2e exclude each other');
  return { ...values, limit: new TimeLimit(values.within), positionals };
}

/**
 * Runs tests with one version of Node.js, this process's unless `more` names another. End-to-end files run one by one, since guests
 * take the machine's cores by themselves; when `more.signal` is aborted, those left are failures.
 * @param {{ unit: string[], e2e: string[] }} tests
 * @param {{ signal: AbortSignal, limit: TimeLimit, node?: string, label?: string }} more
 */
async function runTests(tests, { limit, ...more }, count) {
  const { signal, label = '' } = more;
  const run = (files, args, eachTest) =>
    runTap({ root, files, args, eachTest, ...more }, count).catch((error) => {
      if (!signal.aborted) throw error;
    });
  if (tests.unit.length > 0) await run(tests.unit, [], false);
  const first = LONG_E2E.filter((file) => tests.e2e.includes(file));
  for (const file of new Set([...first, ...tests.e2e])) {
    const expected = first.includes(file) ? E2E_EXPECTED.long : E2E_EXPECTED.other;
    if (signal.aborted) report(notRun(`${label}${file}`), count);
    else if (!limit.allows(expected)) report(leftOut(`${label}${file}`, limit), count);
    else await run([file], ['--jobs=1', `--timeout=${E2E_TIMEOUT}`], true);
  }
  signal.throwIfAborted();
}

function report(result, count) {
  printFile(result);
  count(result);
}

const notRun = (name, why = 'did not run') => ({ ...newResult(name), failures: [{ name, why }] });
const leftOut = (name, limit) => ({ ...newResult(name), skips: [{ name, reason: limit.reason }] });

/**
 * Runs tests with the other supported versions of Node.js. A version that cannot be installed is a failure. `expected`: about how long
 * the tests of one take, ms.
 */
async function runOtherNodes(tests, { signal, limit, expected }, count) {
  for (const version of otherReleases) {
    const name = `node ${version}`;
    if (!limit.allows(expected)) {
      report(leftOut(name, limit), count);
      continue;
    }
    let node;
    try {
      node = await ensureNode(version, signal);
    } catch (error) {
      signal.throwIfAborted();
      report(notRun(name, error.message), count);
      continue;
    }
    await runTests(tests, { signal, limit, node, label: `${name}: ` }, count);
  }
}

/** The tests of a whole run that are worth running again with another version of Node.js. */
const ofNode = ({ unit }) => ({
  unit: unit.filter((file) => !OF_THE_MACHINE.some((left) => file.startsWith(left))),
  e2e: [NODE_E2E],
});

/** Of those tests, what uses Node.js most. */
const mostOfNode = (tests) => ({
  ...tests,
  unit: tests.unit.filter((file) => OF_NODE.some((room) => file.startsWith(room))),
});

/** Adds every result to `tally` as it comes. */
async function runAll({ unit, e2e, nodes, all, nightly, limit, positionals }, tally, signal) {
  const count = (result) => tally.add(result);
  const everything = positionals.length === 0;
  const named = findTests(root, positionals, { nightly });
  const chosen = (tests) => ({ unit: e2e ? [] : tests.unit, e2e: unit ? [] : tests.e2e });
  if (!nodes) {
    if (everything && !e2e) await runChecks(root, signal, count);
    await runTests(chosen(named), { signal, limit }, count);
  }
  const again = chosen(everything ? ofNode(named) : named);
  const tests = all && everything ? mostOfNode(again) : again;
  // The files run side by side, as many as tap has jobs, so that this is more than they take.
  const expected = tests.unit.reduce((sum, file) => sum + (tally.times.get(file) ?? 0), 0) / 2;
  if (nodes || all) await runOtherNodes(tests, { signal, limit, expected }, count);
  if (tally.passed + tally.failed + tally.skipped === 0) throw new Error('no tests were found');
}

async function main(tally, signal) {
  const args = readArguments();
  if (args.help) {
    console.log(HELP);
    return;
  }
  await runAll(args, tally, signal);
  printEnd(tally);
  process.exitCode = tally.failed > 0 ? 1 : 0;
}

const tally = new Tally();
const abort = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => abort.abort(name));
try {
  await main(tally, abort.signal);
} catch (error) {
  if (abort.signal.aborted) {
    const failure = `the test run was interrupted by ${abort.signal.reason}`;
    console.log(`FAIL ${failure}`);
    tally.failures.push(failure);
    printEnd(tally);
    process.exitCode = 130;
  } else {
    console.error(`npm test: ${error.message}`);
    process.exitCode = 2;
  }
}
