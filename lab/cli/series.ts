import { Command } from '@commander-js/extra-typings';
import { writeAtomic } from '../core/atomic.ts';
import type { Series } from '../model/series.ts';
import { oneLine } from '../model/visible.ts';
import {
  findSeries,
  importSeries,
  listSeries,
  removeSeries,
  saveSeries,
  withNeeds,
  writeMbox,
} from '../series/index.ts';
import { whole } from './options.ts';
import { columns, print, printJson } from './output.ts';
import { contextFor } from './render.ts';
import { stdout } from './terminal.ts';

/** Most missing numbers that are listed. */
const MISSING = 20;

function describe(series: Series): string {
  const { name, title, version, announced, missing, patches, foreign, origin } = series;
  const counts = `v${version}, ${patches.length} of ${announced} patches, ${origin.kind}`;
  const numbers = missing.slice(0, MISSING).map((number) => `${number}/${announced}`);
  const more = missing.length - numbers.length;
  // Each field is cleaned alone: an author's name with a newline would make a line that passes for ours.
  return [
    oneLine(`${name}: ${title} (${counts})`),
    `id ${series.id}`,
    ...(series.needs === undefined ? [] : [`needs ${oneLine(series.needs)}`]),
    ...patches.map(({ number, subject, author }) => {
      return `  ${oneLine(`${number}/${announced} ${subject} - ${author.name} <${author.email}>`)}`;
    }),
    ...foreign.map(({ patch, reason }) => {
      return `  ${oneLine(`${patch.number}/${announced} ${patch.subject} - left out: ${reason}`)}`;
    }),
    ...(missing.length > 0 ? [`missing: ${numbers.join(', ')}${more > 0 ? ` and ${more} more` : ''}`] : []),
  ].join('\n');
}

/** The machine form: every patch of the posting in its place, `foreign` saying why one is not for the kernel. */
function machineForm({ patches, foreign, notes = [], ...rest }: Series) {
  const kernel = patches.map((patch) => ({ ...patch, foreign: null }));
  const others = foreign.map(({ patch, reason }) => ({ ...patch, foreign: reason }));
  const all = [...kernel, ...others].sort((a, b) => a.number - b.number);
  return { ...rest, kernelPatches: kernel.length, foreignPatches: others.length, patches: all, notes };
}

function importVerb(signal: AbortSignal) {
  return new Command('import')
    .description(
      'Read a series from an mbox, patches, a git range or a saved thread page, and keep it by name.',
    )
    .argument('<source>', 'mbox (also packed), .patch, folder, maildir, BASE..TIP, A...B, or saved page')
    .option('--version <n>', 'take this version of the series (default: the newest)', whole(1))
    .option('--name <name>', 'the name to keep it under (default: from its title)')
    .option('--repo <dir>', 'the git repository of a range (default: this folder)')
    .option('--needs <series>', 'the name of a series that has to be applied first')
    .option('--strict', 'refuse a series that is not whole: every note is an error', false)
    .option('--json', 'print the series as JSON', false)
    .addHelpText('after', '\nExample: ringlab series import ./t.mbox.gz --name my-series')
    .action(async (source, { json, needs, ...options }) => {
      const ctx = contextFor(signal, {});
      const read = await importSeries(source, options, ctx);
      const series = needs === undefined ? read : await withNeeds(read, needs, ctx);
      await saveSeries(series);
      if (json) printJson('series', machineForm(series));
      else print(describe(series));
    });
}

function listVerb(signal: AbortSignal) {
  return new Command('list')
    .description('List the series that ringlab carries and those imported.')
    .option('--json', 'print the list as JSON', false)
    .addHelpText('after', '\nExample: ringlab series list')
    .action(async ({ json }) => {
      const series = await listSeries(contextFor(signal, {}));
      if (json) printJson('series-list', series);
      else
        print(
          columns(series.map(({ name, from, patches, title }) => [name, from, `${patches} patches`, title])),
        );
    });
}

function showVerb(signal: AbortSignal) {
  return new Command('show')
    .description('Show a series: its patches, what is missing, what was left out.')
    .argument('<series>', 'a name or a path')
    .option('--json', 'print the series as JSON', false)
    .addHelpText('after', '\nExample: ringlab series show nvme-uring-cmd-multipath')
    .action(async (name, { json }) => {
      const { series } = await findSeries(name, contextFor(signal, {}));
      if (json) printJson('series', machineForm(series));
      else print(describe(series));
    });
}

function exportVerb(signal: AbortSignal) {
  return new Command('export')
    .description('Write a series as an mbox that git am takes.')
    .argument('<series>', 'a name or a path')
    .option('--out <file>', 'write to a file (default: standard output)')
    .addHelpText('after', '\nExample: ringlab series export nvme-uring-cmd-multipath --out series.mbox')
    .action(async (name, { out }) => {
      const { series } = await findSeries(name, contextFor(signal, {}));
      const mbox = writeMbox(series);
      if (out) await writeAtomic(out, mbox, { followLink: true });
      else stdout.data(mbox);
    });
}

function removeVerb(signal: AbortSignal) {
  return new Command('remove')
    .description('Remove imported series from the cache; those that ringlab carries stay.')
    .argument('<series...>', 'names of imported series')
    .option('--json', 'print what was removed as JSON', false)
    .addHelpText('after', '\nExample: ringlab series remove my-series')
    .action(async (names, { json }) => {
      const removed = await removeSeries(names, contextFor(signal, {}));
      if (json) printJson('series-remove', { removed });
      else print(`removed: ${removed.join(', ')}`);
    });
}

/** `ringlab series` with its subcommands. */
export const seriesVerb = (signal: AbortSignal) =>
  new Command('series')
    .description('Import, look at and remove patch series.')
    .addHelpText('after', '\nExample: ringlab series import ./t.mbox.gz --name my-series')
    .addCommand(importVerb(signal))
    .addCommand(listVerb(signal))
    .addCommand(showVerb(signal))
    .addCommand(exportVerb(signal))
    .addCommand(removeVerb(signal));
