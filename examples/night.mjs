#!/usr/bin/env node
// Tests several series one after the other and writes one summary. A series that fails does not keep the others from being tested.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExitCode, errorText, importSeries, planRun, RinglabError, report, run } from 'ringlab';
import { printProgress, runScript, shell } from './support.mjs';

const HELP = `Usage: node examples/night.mjs [options] SOURCE...

Imports each series (an mbox, a .patch, a folder, BASE..TIP or a saved thread page; or a name of \`ringlab series list\`), runs base
and patched kernel, and writes one summary in Markdown. Goes on when a series fails.

  --guest NAME     a guest profile; may be given several times (default: those that the suites name)
  --suite NAME     a suite; may be given several times (default: all)
  --only TEXT      only tests whose name contains this; may be given several times
  --accel KIND     kvm or tcg
  --out DIR        folder of the summary and the run records (default: a new folder, whose name is printed)
  --mail ADDRESS   send the summary with sendmail
  --sendmail FILE  the program that sends it (default: sendmail)
  --dry-run        import the series and print what would be run

Exit code: 0 when every series is sound, 1 when one is not, 2 for wrong input, 3 when the lab failed, 130 when interrupted.`;

const many = { type: 'string', multiple: true };
const options = {
  ...{ guest: many, suite: many, only: many, accel: { type: 'string' } },
  ...{ out: { type: 'string' }, mail: { type: 'string' }, sendmail: { type: 'string', default: 'sendmail' } },
  'dry-run': { type: 'boolean', default: false },
};

const RESULTS = { [ExitCode.ok]: 'sound', [ExitCode.failed]: 'FAILED', [ExitCode.input]: 'NOT READ' };
const resultOf = (exitCode) => RESULTS[exitCode] ?? 'LAB FAILED';

const isName = (source) => /^[a-z][a-z0-9-]*$/.test(source);

/** A series to run: its name, or what was imported. With `save` it is kept, and can be run again by its name in the morning. */
const load = async (source, save, signal) =>
  isName(source) ? source : importSeries(source, { save, signal });

const titleOf = (series) => (typeof series === 'string' ? series : series.title);

/** Tests one series. A failure of any kind becomes a result; only an interruption is thrown. */
async function testSeries(source, { matrix, out, signal }) {
  const started = performance.now();
  const minutes = () => ((performance.now() - started) / 60_000).toFixed(1);
  try {
    const series = await load(source, true, signal);
    const result = await run({ ...matrix, series, out, signal, onEvent: printProgress });
    const markdown = await report(result.record, { format: 'markdown' });
    return { ...result, title: titleOf(series), minutes: minutes(), markdown };
  } catch (error) {
    signal.throwIfAborted();
    const exitCode = error instanceof RinglabError ? error.exitCode : ExitCode.lab;
    const markdown = `\`\`\`\n${errorText(error)}\n\`\`\`\n`;
    return { exitCode, title: source, minutes: minutes(), markdown };
  }
}

function summaryOf(results) {
  const row = ({ title, exitCode, comparison, minutes }) => {
    const { fixed = '', regressed = '', failed = '' } = comparison ?? {};
    return `| ${[title.replaceAll('|', '\\|'), resultOf(exitCode), fixed, regressed, failed, minutes].join(' | ')} |`;
  };
  return [
    '# Series of the night\n',
    '| series | result | fixed | regressed | failed | minutes |',
    '|---|---|---|---|---|---|',
    ...results.map(row),
    ...results.map(({ title, markdown }) => `\n## ${title}\n\n${markdown.replace(/^#/gm, '###').trimEnd()}`),
    '',
  ].join('\n');
}

/** The worst exit code: a fault of the lab says nothing about a series, so it outranks a failure. */
const worst = (results) => Math.max(...results.map(({ exitCode }) => exitCode));

async function showPlan(sources, matrix, signal) {
  for (const source of sources) {
    const series = await load(source, false, signal);
    const { kernels, cells } = await planRun({ ...matrix, series, signal });
    console.log(`${titleOf(series)}: ${kernels.join(', ')}`);
    for (const { name } of cells) console.log(`  ${name}`);
  }
  return ExitCode.ok;
}

async function sendSummary(text, { mail, sendmail }, exitCode, signal) {
  const message = `To: ${mail}\nSubject: ringlab: ${resultOf(exitCode)}\nContent-Type: text/markdown\n\n${text}`;
  await shell(signal, { input: message })`${sendmail} -t`;
}

await runScript({ help: HELP, options, positionals: true }, async (values, sources, signal) => {
  if (sources.length === 0) throw new RinglabError('no series is named (see --help)', ExitCode.input);
  const { guest: guests, suite: suites, only, accel } = values;
  const matrix = { guests, suites, only, accel };
  if (values['dry-run']) return showPlan(sources, matrix, signal);

  const out = values.out ?? (await shell(signal)`mktemp -d -t ringlab-night.XXXXXX`).stdout.trim();
  const summary = join(out, 'summary.md');
  const results = [];
  for (const [index, source] of sources.entries()) {
    console.error(`${index + 1} of ${sources.length}: ${source}`);
    results.push(await testSeries(source, { matrix, out: join(out, `${index + 1}`), signal }));
    // Written after each series: an interrupted night leaves the results so far.
    await shell(signal)`mkdir -p ${out}`;
    await writeFile(summary, summaryOf(results));
  }
  const exitCode = worst(results);
  if (values.mail !== undefined) await sendSummary(summaryOf(results), values, exitCode, signal);
  console.log(summary);
  return exitCode;
});
