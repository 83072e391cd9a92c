#!/usr/bin/env node
// Makes a fresh checkout ready on Debian 12, and ends at once when it is ready. Imports only modules of Node.js: no package is
// installed yet.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBinding } from './binding.mjs';
import { SetupError } from './command.mjs';
import { ensurePackages } from './debian.mjs';
import { locked } from './lock.mjs';
import { ensureModules, ensureTap } from './modules.mjs';
import { forTests, optional, required } from './packages.mjs';
import { ensureSqlite } from './sqlite.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const HELP = `Usage: npm run setup [-- [--tests] [--all]]

Makes this checkout ready: Debian packages, node modules, test runner, native addons. Does nothing that is done already.
  --tests also install what only the tests need: a browser
  --all   also install what only some runs and tests need: the kernel debian-6.1, PostgreSQL`;

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 17)) return;
  throw new SetupError(
    `Node.js ${process.versions.node} is too old: ringlab needs 20.17 or later\n` +
      'fix: install Node.js 24, for example from https://nodejs.org/en/download',
  );
}

/** @param {readonly string[]} args */
async function main(args) {
  if (args.includes('--help')) {
    console.log(HELP);
    return;
  }
  const unknown = args.find((arg) => !['--all', '--tests'].includes(arg));
  if (unknown) throw new SetupError(`unknown argument ${unknown}\n${HELP}`);
  checkNode();
  const packages = [
    ...required,
    ...(args.includes('--tests') ? forTests : []),
    ...(args.includes('--all') ? optional : []),
  ];
  await locked(join(root, 'build/setup.lock'), async () => {
    ensurePackages(packages);
    ensureModules(root);
    ensureTap(root);
    await ensureBinding(root);
    ensureSqlite(root);
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  process.exitCode = error.exitCode;
}
