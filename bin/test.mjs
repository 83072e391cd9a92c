#!/usr/bin/env node
// `npm test`: what reads the code, the unit tests, then the end-to-end tests in real guests. Ends with the count of all.
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { runChecks } from './testing/checks.mjs';
import { findTests } from './testing/files.mjs';
import { printEnd } from './testing/output.mjs';
import { Tally } from './testing/tally.mjs';
import { runTap } from './testing/tap.mjs';

const HELP = `Usage: npm test [-- [--unit | --e2e] [FILE or FOLDER]...]

Checks format, types and imports, then runs the unit tests (*.test.ts) and the end-to-end tests (*.e2e.ts).
  --unit   leave the end-to-end tests out
  --e2e    only the end-to-end tests
With files or folders, just their tests are run.`;

const root = dirname(import.meta.dirname);
/** Seconds that one end-to-end file may take, kernel builds from an empty cache included. */
const E2E_TIMEOUT = 2400;

function readArguments() {
  const options = { unit: { type: 'boolean' }, e2e: { type: 'boolean' }, help: { type: 'boolean' } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.unit && values.e2e) throw new Error('--unit and --e2e exclude each other');
  return { ...values, positionals };
}

/** Adds every result to `tally` as it comes. */
async function runAll({ unit, e2e, positionals }, tally, signal) {
  const count = (result) => tally.add(result);
  const tests = findTests(root, positionals);
  if (positionals.length === 0 && !e2e) await runChecks(root, signal, count);
  if (!e2e && tests.unit.length > 0) {
    await runTap({ root, files: tests.unit, args: [], eachTest: false, signal }, count);
  }
  if (!unit && tests.e2e.length > 0) {
    // Guests take the machine's cores by themselves.
    const args = ['--jobs=1', `--timeout=${E2E_TIMEOUT}`];
    await runTap({ root, files: tests.e2e, args, eachTest: true, signal }, count);
  }
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
    console.log(`FAIL the test run was interrupted by ${abort.signal.reason}`);
    tally.failed++;
    printEnd(tally);
    process.exitCode = 130;
  } else {
    console.error(`npm test: ${error.message}`);
    process.exitCode = 2;
  }
}
