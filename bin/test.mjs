#!/usr/bin/env node
// `npm test`: checks that read the code, the unit tests, then the end-to-end tests in real guests. Ends with the count of all.
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { runChecks } from './testing/checks.mjs';
import { findTests } from './testing/files.mjs';
import { ensureNode, otherReleases } from './testing/nodes.mjs';
import { printEnd, printFile } from './testing/output.mjs';
import { newResult, Tally } from './testing/tally.mjs';
import { runTap } from './testing/tap.mjs';

const HELP = `Usage: npm test [-- [--unit | --e2e] [--nodes | --all] [--nightly] [FILE or FOLDER]...]

Checks format, types and imports, then runs the unit tests (*.test.ts) and the end-to-end tests (*.e2e.ts).
  --unit    leave the end-to-end tests out
  --e2e     only the end-to-end tests
  --nodes   only with the other supported versions of Node.js: the unit tests where it matters, and one file in guests
  --all     everything with this Node.js, then as with --nodes; of the releases but the newest, what uses Node.js most
  --nightly the tests too that take long (*.nightly.e2e.ts)
With files or folders, only their tests are run.`;

const root = dirname(import.meta.dirname);
/** Seconds that one end-to-end file may take, kernel builds from an empty cache included. */
const E2E_TIMEOUT = 2400;
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
/** What uses most of Node.js. With this release and the newest all tests run, so that these show whether one in between differs. */
const OF_NODE = ['bin/', 'lab/core/', 'setup/', 'suites/'];

function readArguments() {
  const flag = { type: 'boolean', default: false };
  const options = { unit: flag, e2e: flag, nodes: flag, all: flag, nightly: flag, help: flag };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.unit && values.e2e) throw new Error('--unit and --e2e exclude each other');
  return { ...values, positionals };
}

/**
 * Runs tests with one version of Node.js, this process's unless `more` names another.
 * @param {{ unit: string[], e2e: string[] }} tests
 * @param {{ signal: AbortSignal, node?: string, label?: string }} more
 */
async function runTests(tests, more, count) {
  if (tests.unit.length > 0)
    await runTap({ root, files: tests.unit, args: [], eachTest: false, ...more }, count);
  // Guests take the machine's cores by themselves.
  const args = ['--jobs=1', `--timeout=${E2E_TIMEOUT}`];
  if (tests.e2e.length > 0) await runTap({ root, files: tests.e2e, args, eachTest: true, ...more }, count);
}

/**
 * Runs tests with the other supported versions of Node.js: `testsOf` gives those of a version. A version that cannot be installed is a
 * failure.
 */
async function runOtherNodes(testsOf, signal, count) {
  for (const version of otherReleases) {
    const label = `node ${version}: `;
    let node;
    try {
      node = await ensureNode(version, signal);
    } catch (error) {
      signal.throwIfAborted();
      const result = {
        ...newResult(`node ${version}`),
        failures: [{ name: `node ${version}`, why: error.message }],
      };
      printFile(result);
      count(result);
      continue;
    }
    await runTests(testsOf(version), { signal, node, label }, count);
  }
}

/** The tests of a whole run that are worth running again with another version of Node.js. */
const ofNode = ({ unit }) => ({
  unit: unit.filter((file) => !OF_THE_MACHINE.some((left) => file.startsWith(left))),
  e2e: [NODE_E2E],
});

/** Of a whole run with all versions, the tests of one of them. */
const ofVersion = (tests, version) =>
  version === otherReleases.at(-1)
    ? tests
    : { ...tests, unit: tests.unit.filter((file) => OF_NODE.some((room) => file.startsWith(room))) };

/** Adds every result to `tally` as it comes. */
async function runAll({ unit, e2e, nodes, all, nightly, positionals }, tally, signal) {
  const count = (result) => tally.add(result);
  const everything = positionals.length === 0;
  const named = findTests(root, positionals, { nightly });
  const chosen = (tests) => ({ unit: e2e ? [] : tests.unit, e2e: unit ? [] : tests.e2e });
  if (!nodes) {
    if (everything && !e2e) await runChecks(root, signal, count);
    await runTests(chosen(named), { signal }, count);
  }
  const again = chosen(everything ? ofNode(named) : named);
  const testsOf = (version) => (all && everything ? ofVersion(again, version) : again);
  if (nodes || all) await runOtherNodes(testsOf, signal, count);
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
