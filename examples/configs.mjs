#!/usr/bin/env node
// Runs one suite on kernels that differ in their configuration only, and prints a table.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildKernel,
  ExitCode,
  errorText,
  InputError,
  planRun,
  RinglabError,
  run,
  VerdictError,
} from 'ringlab';
import { columns, printProgress, runScript, shell } from './support.mjs';

/** Lines on top of the usual fragments, by the name of the configuration; Kconfig of Linux 6.12 takes each. */
const CONFIGURATIONS = {
  usual: [],
  // Kconfig allows one preemption model, and the usual fragments choose another.
  preempt: ['CONFIG_PREEMPT=y', '# CONFIG_PREEMPT_VOLUNTARY is not set'],
  'hz-100': ['CONFIG_HZ_100=y'],
  'hz-1000': ['CONFIG_HZ_1000=y'],
  'optimised-for-speed': ['CONFIG_CC_OPTIMIZE_FOR_PERFORMANCE=y'],
  'init-on-free': ['CONFIG_INIT_ON_FREE_DEFAULT_ON=y'],
  'hardened-usercopy': ['CONFIG_HARDENED_USERCOPY=y'],
  'slub-debug': ['CONFIG_SLUB_DEBUG=y', 'CONFIG_SLUB_DEBUG_ON=y'],
  lockdep: ['CONFIG_PROVE_LOCKING=y'],
  'dma-debug': ['CONFIG_DMA_API_DEBUG=y'],
};

const HELP = `Usage: node examples/configs.mjs [options]

Builds a kernel in ten configurations, runs a suite on each and prints a table. Goes on when a kernel does not build.

  --suite NAME       the suite (default: passthrough)
  --guest NAME       a guest profile; may be given several times (default: plain)
  --only TEXT        only tests whose name contains this; may be given several times
  --kernel NAME      a source of kernels/sources.yaml (default: debian-6.12)
  --tree PATH        your own kernel instead, with --base REV
  --series NAME      a series to apply
  --config NAME      only this configuration; may be given several times
  --fragment FILE    a config fragment for all of them; may be given several times
  --accel KIND       kvm or tcg
  --runs DIR         folder of the run records (default: runs)
  --build-only       build the kernels, boot none
  --dry-run          print the fragments and the cells that would run

Configurations: ${Object.keys(CONFIGURATIONS).join(', ')}.
Exit code: 0 when all tests pass on all kernels, 1 when one does not, 2 for wrong input, 3 when the lab failed, 130 when interrupted.`;

const text = { type: 'string' };
const many = { type: 'string', multiple: true };
const flag = { type: 'boolean', default: false };
const options = {
  ...{ suite: { type: 'string', default: 'passthrough' }, guest: many, only: many },
  ...{ kernel: text, tree: text, base: text, series: text, config: many, fragment: many },
  ...{ accel: text, runs: text, 'build-only': flag, 'dry-run': flag },
};

function chosen(names = Object.keys(CONFIGURATIONS)) {
  const unknown = names.filter((name) => !(name in CONFIGURATIONS));
  if (unknown.length === 0) return names;
  const expected = `one of ${Object.keys(CONFIGURATIONS).join(', ')}`;
  throw new InputError(
    unknown.map((name) => ({ what: `unknown name "${name}"`, where: '--config', expected })),
  );
}

const fragmentOf = (name) => CONFIGURATIONS[name].map((line) => `${line}\n`).join('');

/** The table row of a configuration, and its exit code. A kernel that does not build gets a row too. */
async function testConfiguration({ name, kernel, matrix, buildOnly, signal }) {
  const work = { signal, onEvent: printProgress };
  try {
    const { kernels, ...source } = kernel;
    const build = await buildKernel({ ...source, kernel: kernels?.[0], ...work });
    const built = `${build.seconds.toFixed(0)} s${build.cached ? ', cached' : ''}`;
    if (buildOnly) return { row: [name, built, '-', '-', '-'], exitCode: ExitCode.ok };
    const { record, exitCode, dir } = await run({ ...kernel, ...matrix, patchedOnly: true, ...work });
    const tests = record.cells.flatMap((cell) => cell.tests);
    const count = (...verdicts) => `${tests.filter(({ verdict }) => verdicts.includes(verdict)).length}`;
    const failed = count('fail', 'timeout', 'crash', 'lost');
    return { row: [name, built, count('pass'), failed, dir], exitCode };
  } catch (error) {
    if (!(error instanceof VerdictError)) throw error;
    const [reason] = errorText(error).split('\n');
    return { row: [name, error.verdict, '-', '-', reason], exitCode: error.exitCode };
  }
}

async function showPlan(names, kernelOf, matrix, signal) {
  for (const name of names) {
    const { cells } = await planRun({ ...kernelOf(name), ...matrix, patchedOnly: true, signal });
    console.log(`${name}\n${fragmentOf(name)}${cells.map((cell) => `  ${cell.name}`).join('\n')}`);
  }
  return ExitCode.ok;
}

await runScript({ help: HELP, options }, async (values, _sources, signal) => {
  const names = chosen(values.config);
  const { kernel, tree, base, series, only, accel, runs: runsDir, fragment = [] } = values;
  if (kernel !== undefined && tree !== undefined)
    throw new RinglabError('--kernel/--tree: two kernels are named', ExitCode.input);
  const folder = (await shell(signal)`mktemp -d -t ringlab-configs.XXXXXX`).stdout.trim();
  try {
    const file = (name) => join(folder, `${name}.config`);
    for (const name of names) await writeFile(file(name), fragmentOf(name));
    const source = { kernels: kernel === undefined ? undefined : [kernel], tree, base, series };
    const kernelOf = (name) => ({ ...source, fragments: [...fragment, file(name)] });
    const matrix = { suites: [values.suite], guests: values.guest ?? ['plain'], only, accel, runsDir };
    if (values['dry-run']) return await showPlan(names, kernelOf, matrix, signal);

    const results = [];
    for (const name of names) {
      const settings = { name, kernel: kernelOf(name), matrix, buildOnly: values['build-only'], signal };
      results.push(await testConfiguration(settings));
    }
    console.log(
      columns([
        ['configuration', 'build', 'passed', 'failed', 'record, or reason'],
        ...results.map(({ row }) => row),
      ]),
    );
    return Math.max(...results.map(({ exitCode }) => exitCode));
  } finally {
    await shell()`rm -r ${folder}`;
  }
});
