import picocolors from 'picocolors';
import { stringify } from 'yaml';

// picocolors alone would take CI=true for a terminal.
const pc = picocolors.createColors(Boolean(process.stdout.isTTY) && !process.env.NO_COLOR);

/** Fields of a failure that describe tap's own state, not the failure. */
const TAP_INTERNALS = new Set(
  'args command cwd expired externalID handles isToplevel jobId requests stdio test'.split(' '),
);
/** Lines of a failing file's other output that are printed. */
const OUTPUT_LINES = 40;

const indent = (text, by = '      ') => text.trimEnd().replace(/^(?=.)/gm, by);

/** Milliseconds as text: `1.5 s`. */
export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** Prints one line of progress: a mark, a name, details in parentheses (left out when empty), and the duration in ms as seconds. */
export function progress(ok, name, detail, ms) {
  const mark = ok ? pc.green('ok  ') : pc.red('FAIL');
  console.log(`${mark} ${name}${detail ? ` (${detail})` : ''} ${pc.dim(seconds(ms))}`);
}

/** @param {import('./tally.mjs').Failure} failure */
function printFailure({ name, why, diag }) {
  console.log(`  ${pc.red('not ok')} ${name}${why ? `: ${why}` : ''}`);
  const facts = Object.entries(diag ?? {}).filter(([key]) => !TAP_INTERNALS.has(key));
  if (facts.length > 0)
    console.log(indent(stringify(Object.fromEntries(facts), { lineWidth: 0, blockQuote: 'literal' })));
}

/**
 * Prints the result of a file, with its failures.
 * @param {import('./tally.mjs').FileResult} result
 */
export function printFile(result) {
  const { file, passed, failures, skips, extra, ms } = result;
  const counts = [`${passed} passed`];
  if (failures.length > 0) counts.push(`${failures.length} failed`);
  if (skips.length > 0) counts.push(`${skips.length} skipped`);
  progress(failures.length === 0, file, counts.join(', '), ms);
  for (const failure of failures) printFailure(failure);
  if (failures.length > 0 && extra.length > 0) {
    console.log(
      `  last lines of its other output:\n${indent(extra.join('').split('\n').slice(-OUTPUT_LINES).join('\n'))}`,
    );
  }
}

/** Most failures that are listed at the end. */
const LISTED = 60;

/**
 * Prints the reasons of skips, the names of all failures (a log may be shown only from its end) and, as the last line, the counts
 * of all.
 * @param {import('./tally.mjs').Tally} tally
 */
export function printEnd(tally) {
  if (tally.reasons.size > 0) console.log('\nskipped:');
  for (const [reason, count] of tally.reasons) console.log(`  ${String(count).padStart(4)} x ${reason}`);
  if (tally.failures.length > 0) console.log('\nfailed:');
  for (const name of tally.failures.slice(0, LISTED))
    console.log(`  ${name.replaceAll('\n', ' ').slice(0, 200)}`);
  if (tally.failures.length > LISTED) console.log(`  and ${tally.failures.length - LISTED} more`);
  console.log(`\n${tally.line}`);
}
