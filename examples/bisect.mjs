#!/usr/bin/env node
// Finds the patch of a series, or the commit of a range, that breaks a test or the build.
import { resolve } from 'node:path';
import {
  buildKernel,
  ExitCode,
  findSeries,
  firstPatches,
  InputError,
  LabError,
  RinglabError,
  run,
  VerdictError,
} from 'ringlab';
import { narrow } from './narrow.mjs';
import { printProgress, runScript, shell } from './support.mjs';

const HELP = `Usage: node examples/bisect.mjs [options] --test TEXT --suite NAME SERIES
       node examples/bisect.mjs [options] --test TEXT --suite NAME --tree DIR GOOD..BAD
       node examples/bisect.mjs [options] --build-only (SERIES | --tree DIR GOOD..BAD)

Builds candidates, runs one test on each and narrows down to the first on which it fails. The candidates of a series are the kernel
without it and the kernel after each patch; those of a range are GOOD and each commit up to BAD, along first parents.

  --test TEXT       the test: tests of the suite whose name contains this; all of them have to pass
  --suite NAME      its suite
  --guest NAME      a guest profile (default: plain)
  --build-only      look for what breaks the build; boot no guest
  --tree DIR        the git tree of a range, or the kernel that a series applies to, with --base REV
  --kernel NAME     the source that a series applies to
  --fragment FILE   a config fragment; may be given several times
  --debug           the debug kernel
  --accel KIND      kvm or tcg
  --runs DIR        folder of the run records (default: a new folder, whose name is printed)
  --dry-run         print the candidates

Exit code: 0 when the culprit was found, 1 when the first candidate is bad or the last one good, 2 for wrong input, 3 when the lab
failed, 130 when interrupted.`;

const text = { type: 'string' };
const flag = { type: 'boolean', default: false };
const options = {
  ...{ test: text, suite: text, guest: { type: 'string', default: 'plain' }, 'build-only': flag },
  ...{ tree: text, base: text, kernel: text, fragment: { type: 'string', multiple: true }, debug: flag },
  ...{ accel: text, runs: text, 'dry-run': flag },
};

/** The problems of the arguments, all at once. */
function checkArguments(values, targets) {
  const buildOnly = values['build-only'];
  const problems = [];
  if (targets.length !== 1)
    problems.push({ what: 'no series or range is named', expected: 'a series, or GOOD..BAD with --tree' });
  if (!buildOnly && (values.test === undefined || values.suite === undefined))
    problems.push({ what: 'no test is named', expected: '--test and --suite, or --build-only' });
  if (targets[0]?.includes('..') && values.tree === undefined)
    problems.push({ what: 'a range without a tree', where: targets[0], expected: '--tree DIR' });
  if (problems.length > 0) throw new InputError(problems);
}

/** GOOD and each commit up to BAD. Throws InputError for a range that git does not know or that is empty. */
async function commitsOf(range, { tree }, signal) {
  const [good, bad] = range.split('..');
  const git = shell(signal, { nothrow: true });
  const list = await git`git -C ${tree} log --reverse --first-parent ${'--format=%H %s'} ${good}..${bad} --`;
  signal.throwIfAborted();
  if (list.exitCode !== 0) throw new InputError({ what: list.stderr.trim(), where: range });
  const commits = list.stdout.trim().split('\n').filter(Boolean);
  if (commits.length === 0) throw new InputError({ what: 'no commit is in this range', where: range });
  const candidate = (base, name) => ({ name, kernel: { tree: resolve(tree), base } });
  return [
    candidate(good, good),
    ...commits.map((line) => candidate(line.slice(0, 40), `${line.slice(0, 12)} ${line.slice(41)}`)),
  ];
}

/** The kernel without the series, and after each of its patches. */
async function stepsOf(name, { tree, base, kernel }, signal) {
  const { series, info } = await findSeries(name, { signal });
  const source = { tree, base, kernel: tree === undefined ? (kernel ?? info?.base) : kernel };
  return [
    { name: `without ${series.name}`, kernel: { ...source, series: series.needs } },
    ...series.patches.map(({ subject }, index) => ({
      name: `${index + 1}/${series.patches.length} ${subject}`,
      kernel: { ...source, series: firstPatches(series, index + 1) },
    })),
  ];
}

/** good, bad, or skip: a kernel that cannot be built or booted says nothing about a test. */
async function judge({ kernel: { kernel, ...source } }, values, runsDir, signal) {
  const work = { signal, onEvent: printProgress };
  const request = { ...source, fragments: values.fragment, debug: values.debug, ...work };
  try {
    await buildKernel({ ...request, kernel });
  } catch (error) {
    if (!(error instanceof VerdictError)) throw error;
    return values['build-only'] && error.verdict === 'build-failed' ? 'bad' : 'skip';
  }
  if (values['build-only']) return 'good';
  const { record } = await run({
    ...request,
    ...{
      kernels: kernel === undefined ? undefined : [kernel],
      patchedOnly: true,
      accel: values.accel,
      runsDir,
    },
    ...{ suites: [values.suite], guests: [values.guest], only: [values.test] },
  });
  if (record.failures.length > 0) throw new LabError(record.failures[0].message);
  const verdicts = record.cells.flatMap(({ tests }) => tests.map(({ verdict }) => verdict));
  if (verdicts.some((verdict) => ['fail', 'timeout', 'crash', 'lost'].includes(verdict))) return 'bad';
  return verdicts.includes('pass') ? 'good' : 'skip';
}

await runScript({ help: HELP, options, positionals: true }, async (values, targets, signal) => {
  checkArguments(values, targets);
  const [target] = targets;
  const find = target.includes('..') ? commitsOf : stepsOf;
  const candidates = await find(target, values, signal);
  const last = candidates.length - 1;
  if (values['dry-run']) {
    for (const { name } of candidates) console.log(name);
    console.log(`${last} candidates, about ${Math.ceil(Math.log2(last))} trials between the ends`);
    return ExitCode.ok;
  }
  const needsRecords = !values['build-only'] && values.runs === undefined;
  const runsDir = needsRecords
    ? (await shell(signal)`mktemp -d -t ringlab-bisect.XXXXXX`).stdout.trim()
    : values.runs;
  const trial = async (index) => {
    const verdict = await judge(candidates[index], values, runsDir, signal);
    console.error(`${verdict}: ${candidates[index].name}`);
    return verdict;
  };
  const [first, end] = [await trial(0), await trial(last)];
  if (first !== 'good' || end !== 'bad')
    throw new RinglabError(
      `there is nothing to find between them: the first candidate is ${first}, the last one ${end}`,
      ExitCode.failed,
    );
  const culprits = await narrow(last, trial);
  if (culprits.length > 1)
    console.log('The first bad candidate is one of these; all but the last could not be judged:');
  for (const index of culprits) console.log(candidates[index].name);
  if (runsDir !== undefined) console.error(`records: ${runsDir}`);
  return ExitCode.ok;
});
