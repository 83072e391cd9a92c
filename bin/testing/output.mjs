import picocolors from 'picocolors';
import { stringify } from 'yaml';

// By itself picocolors takes CI=true for a terminal.
const pc = picocolors.createColors(Boolean(process.stdout.isTTY) && !process.env.NO_COLOR);

/** Facts of a failure that say how tap works, not what went wrong. */
const MACHINERY = new Set(
  'args command cwd expired externalID handles isToplevel jobId requests stdio test'.split(' '),
);
const EXTRA_LINES = 40;

const indent = (text, by = '      ') => text.trimEnd().replace(/^(?=.)/gm, by);

export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** One line of progress: a mark, what it is about, and how long it took. */
export function progress(ok, name, detail, ms) {
  const mark = ok ? pc.green('ok  ') : pc.red('FAIL');
  console.log(`${mark} ${name}${detail ? ` (${detail})` : ''} ${pc.dim(seconds(ms))}`);
}

/** @param {import('./tally.mjs').Failure} failure */
function printFailure({ name, why, diag }) {
  console.log(`  ${pc.red('not ok')} ${name}${why ? `: ${why}` : ''}`);
  const kept = Object.entries(diag ?? {}).filter(([key]) => !MACHINERY.has(key));
  if (kept.length > 0)
    console.log(indent(stringify(Object.fromEntries(kept), { lineWidth: 0, blockQuote: 'literal' })));
}

/** @param {import('./tally.mjs').FileResult} result */
export function printFile(result) {
  const { file, passed, failures, skips, extra, ms } = result;
  const counts = [`${passed} passed`];
  if (failures.length > 0) counts.push(`${failures.length} failed`);
  if (skips.length > 0) counts.push(`${skips.length} skipped`);
  progress(failures.length === 0, file, counts.join(', '), ms);
  for (const failure of failures) printFailure(failure);
  if (failures.length > 0 && extra.length > 0) {
    console.log(
      `  what it printed besides, last lines:\n${indent(extra.join('').split('\n').slice(-EXTRA_LINES).join('\n'))}`,
    );
  }
}

/** @param {import('./tally.mjs').Tally} tally */
export function printEnd(tally) {
  if (tally.reasons.size > 0) console.log('\nskipped:');
  for (const [reason, count] of tally.reasons) console.log(`  ${String(count).padStart(4)} x ${reason}`);
  console.log(`\n${tally.line}`);
}
