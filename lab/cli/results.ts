import { Command, Option, type OptionValues } from '@commander-js/extra-typings';
import { ExitCode, InputError } from '../core/errors.ts';
import { diffHistories } from '../history/diff.ts';
import { flakyTests } from '../history/flaky.ts';
import { importFolders } from '../history/import.ts';
import { metricHistories } from '../history/metrics.ts';
import { addNote, allNotes, removeNote, shownNote } from '../history/notes.ts';
import { type History, openHistory } from '../history/open.ts';
import { storePlace } from '../history/place.ts';
import { runKeys } from '../history/points.ts';
import { runsByKey } from '../history/runs.ts';
import { select, storedVersions } from '../history/select.ts';
import { showRun } from '../history/show.ts';
import { testHistories } from '../history/tests.ts';
import { NoteKind } from '../model/history.ts';
import { oneLine } from '../model/visible.ts';
import { Exit } from './exit.ts';
import { whole } from './options.ts';
import { print, printJson } from './output.ts';
import {
  diffText,
  flakyText,
  listText,
  metricsText,
  notesText,
  showText,
  testText,
} from './results/words.ts';
import { storeOption } from './store.ts';

const stored = (name: string) =>
  new Command(name).addOption(storeOption()).option('--json', 'print the result as JSON', false);

/** Options that choose the results which are looked at. */
const filtered = <A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) =>
  command
    .option('--last <n>', 'look at the newest runs only, this many', whole(1))
    .option('--guest <profile>', 'only on this guest profile')
    .option('--suite <suite>', 'only in this suite')
    .option('--kernel <source>', 'only on kernels of this source');

/** Runs `work` on the history that is open meanwhile. */
async function inHistory<T>(
  store: string | undefined,
  signal: AbortSignal,
  work: (history: History) => Promise<T>,
) {
  await using history = await openHistory(storePlace(store), signal);
  return await work(history);
}

function checkFound(found: readonly unknown[], what: string): void {
  if (found.length > 0) return;
  const fix = 'ringlab results import adds the runs of a folder';
  throw new InputError({ what: `the history has no ${what}`, expected: 'a name, or a part of one', fix });
}

function importVerb(signal: AbortSignal) {
  return stored('import')
    .description('Add the runs of folders to the history; a run that is there already is not added twice.')
    .argument('[folder...]', 'folders of runs, or of one run each (default: runs)')
    .option('--again', 'make the entries of all runs anew', false)
    .addHelpText('after', '\nExample: ringlab results import runs')
    .action(async (folders, { store, json, again }) => {
      const places = folders.length > 0 ? folders : ['runs'];
      const result = await inHistory(store, signal, (history) =>
        importFolders(history, places, { again, signal }),
      );
      const { added, replaced, unchanged, leftOut, unreadable } = result;
      if (json) printJson('results-import', result);
      else {
        const mutants = leftOut.length > 0 ? `, ${leftOut.length} over mutants left out` : '';
        print(`${added.length} runs added, ${replaced.length} replaced, ${unchanged} unchanged${mutants}`);
        for (const { folder, problem } of unreadable) print(oneLine(`not read: ${folder}: ${problem}`));
      }
      if (unreadable.length > 0) throw new Exit(ExitCode.input);
    });
}

function listVerb(signal: AbortSignal) {
  return stored('list')
    .description('List the runs of the history, newest first.')
    .option('--last <n>', 'this many', whole(1), 20)
    .addHelpText('after', '\nExample: ringlab results list --last 50')
    .action(async ({ store, json, last }) => {
      const runs = await inHistory(store, signal, async (history) =>
        runsByKey(history, await runKeys(history, { last })),
      );
      if (json) printJson('results-list', { runs });
      else
        print(
          runs.length > 0 ? listText(runs) : 'no run yet: ringlab results import adds the runs of a folder',
        );
    });
}

function showVerb(signal: AbortSignal) {
  return stored('show')
    .description(
      'Show a run: since when its tests fail, what differs from its base and from the version before.',
    )
    .argument('<run>', 'an id, the beginning of one, or "latest"')
    .addHelpText('after', '\nExample: ringlab results show latest')
    .action(async (name, { store, json }) => {
      const shown = await inHistory(store, signal, (history) => showRun(history, name));
      if (json) printJson('results-show', shown);
      else print(showText(shown));
    });
}

function diffVerb(signal: AbortSignal) {
  return stored('diff')
    .description('Say what every test became between two runs, or two versions of a series.')
    .argument('<a>', 'a run, RUN:base for its base, or SERIES@vN for all runs of a version')
    .argument('<b>', 'the same, to compare with it')
    .addHelpText(
      'after',
      '\nExit code 1: there is a regression or a new failure that is not ignored.\nExample: ringlab results diff my-series@v1 my-series@v2',
    )
    .action(async (a, b, { store, json }) => {
      const diff = await inHistory(store, signal, async (history) =>
        diffHistories(history, await select(history, a), await select(history, b)),
      );
      if (json) printJson('results-diff', diff);
      else print(diffText(diff));
      if (diff.counts.regression + diff.counts['new-failure'] > 0) throw new Exit(ExitCode.failed);
    });
}

function testVerb(signal: AbortSignal) {
  return filtered(stored('test'))
    .description('Say since when a test fails, how often it failed, and how often that changed.')
    .argument('<name>', 'the name of a test, or a part of it')
    .addHelpText('after', '\nExample: ringlab results test "a flush of another namespace" --last 30')
    .action(async (name, { store, json, ...filter }) => {
      const tests = await inHistory(store, signal, (history) => testHistories(history, name, filter));
      checkFound(tests, `test "${name}"`);
      if (json) printJson('results-test', { tests });
      else print(testText(tests));
    });
}

function metricVerb(signal: AbortSignal) {
  return filtered(stored('metric'))
    .description('Plot a metric over the runs, and say at which runs it changed.')
    .argument('<name>', 'the name of a metric, or a part of it')
    .addHelpText('after', '\nExample: ringlab results metric "read 4k" --guest plain')
    .action(async (name, { store, json, ...filter }) => {
      const metrics = await inHistory(store, signal, (history) => metricHistories(history, name, filter));
      checkFound(metrics, `metric "${name}"`);
      if (json) printJson('results-metric', { metrics });
      else print(metricsText(metrics));
    });
}

function flakyVerb(signal: AbortSignal) {
  return filtered(stored('flaky'))
    .description('List the tests that both passed and failed on one build of a kernel.')
    .addHelpText('after', '\nExample: ringlab results flaky --last 100')
    .action(async ({ store, json, ...filter }) => {
      const tests = await inHistory(store, signal, (history) => flakyTests(history, filter));
      if (json) printJson('results-flaky', { tests });
      else print(tests.length > 0 ? flakyText(tests) : 'no flaky test');
    });
}

/** The lineage of a series that the history knows by a name or title. Throws InputError for another one. */
async function lineageOf(history: History, name: string | undefined): Promise<string | null> {
  if (name === undefined) return null;
  const versions = await storedVersions(history);
  const found = versions.findLast((each) => each.name === name || each.title === name);
  if (found) return found.lineage;
  const expected = [...new Set(versions.map((each) => each.name))].join(', ') || 'a series that was run';
  throw new InputError({ what: `the history has no series "${name}"`, where: '--series', expected });
}

function noteVerb(signal: AbortSignal) {
  return stored('note')
    .description(
      'Keep why a test fails, for this and later versions of a series; without a test, list the notes.',
    )
    .argument('[test]', 'the full name of a test')
    .addOption(
      new Option(
        '--kind <kind>',
        'invalid, known or unrelated explain a failure; ignored: it does not count',
      ).choices(NoteKind.options),
    )
    .option('--reason <text>', 'why, in words')
    .option('--guest <profile>', 'only on this guest profile')
    .option('--suite <suite>', 'only in this suite')
    .option('--series <series>', 'only for versions of this series')
    .option('--remove <id>', 'remove a note')
    .addHelpText(
      'after',
      '\nAn ignored test counts again after 15 passes in a row.\nExample: ringlab results note "a read of one block succeeds" --kind known --reason "fails on the base too"',
    )
    .action(async (test, { store, json, kind, reason, guest, suite, series, remove }) => {
      const problems = [
        ...(test !== undefined && !kind
          ? [{ what: '--kind is missing', expected: NoteKind.options.join(', ') }]
          : []),
        ...(test !== undefined && !reason?.trim()
          ? [{ what: '--reason is missing', expected: 'why, in words' }]
          : []),
        ...(test === undefined && (kind || reason)
          ? [{ what: 'the test is missing', expected: 'ringlab results note TEST --kind KIND --reason TEXT' }]
          : []),
      ];
      if (problems.length > 0) throw new InputError(problems);
      const notes = await inHistory(store, signal, async (history) => {
        if (remove !== undefined && !(await removeNote(history, remove)))
          throw new InputError({ what: `there is no note ${remove}`, where: '--remove' });
        if (test !== undefined && kind && reason) {
          const lineage = await lineageOf(history, series);
          const [profile, place] = [guest ?? null, suite ?? null];
          await addNote(history, { name: test, kind, reason, profile, suite: place, lineage });
        }
        return (await allNotes(history)).map(shownNote);
      });
      if (json) printJson('results-note', { notes });
      else print(notes.length > 0 ? notesText(notes) : 'no note');
    });
}

/** `ringlab results` with its subcommands. */
export const resultsVerb = (signal: AbortSignal) =>
  new Command('results')
    .description('Look at the history of all runs: since when a test fails, flaky tests, changes of metrics.')
    .addHelpText('after', '\nExample: ringlab results list')
    .addCommand(importVerb(signal))
    .addCommand(listVerb(signal))
    .addCommand(showVerb(signal))
    .addCommand(diffVerb(signal))
    .addCommand(testVerb(signal))
    .addCommand(metricVerb(signal))
    .addCommand(flakyVerb(signal))
    .addCommand(noteVerb(signal));
