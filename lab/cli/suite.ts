import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { writeAtomic } from '../core/atomic.ts';
import { InputError } from '../core/errors.ts';
import type { RunRecord } from '../model/run.ts';
import { loadRun } from '../record/load.ts';
import { loadSuites } from '../suite/discover.ts';
import { newSuite } from '../suite/scaffold.ts';
import { type Measurement, readSupport, supportText, updatedTable } from '../suite/support.ts';
import { columns, print, printJson } from './output.ts';

function newVerb() {
  return new Command('new')
    .description(
      'Make a folder with a suite of your own: a description, tests that pass, and types for the editor.',
    )
    .argument('<folder>', 'the folder to make; its name is the suite’s')
    .option('--json', 'print what was made as JSON', false)
    .addHelpText('after', '\nExample: ringlab suite new ./my-suite && ringlab run --suite ./my-suite')
    .action(async (folder, { json }) => {
      const made = await newSuite(folder);
      if (json) printJson('suite-new', made);
      else
        print(
          `${made.dir}: ${made.files.join(', ')}\nrun it: ringlab run --suite ${folder.includes('/') ? folder : `./${folder}`}`,
        );
    });
}

function listVerb() {
  return new Command('list')
    .description('List the suites that ringlab carries.')
    .option('--json', 'print the list as JSON', false)
    .addHelpText('after', '\nExample: ringlab suite list')
    .action(async ({ json }) => {
      const suites = [...(await loadSuites()).values()].map(({ dir: _dir, ...info }) => info);
      if (json) printJson('suite-list', { suites });
      else
        print(
          columns(
            suites.map(({ name, guests, summary, build }) => [
              name,
              guests.join(', '),
              build && build.from === undefined ? `${summary} (--source ${name}=...)` : summary,
            ]),
          ),
        );
    });
}

function supportVerb() {
  return new Command('support')
    .description('Update the table of what kernel releases support of a foreign suite, from runs of it.')
    .argument('<suite>', 'the suite, which has a support.yaml')
    .argument('<runs...>', 'runs of it: folders, ids or "latest"')
    .requiredOption('--of <version>', 'version of the source that the runs had, for the table')
    .option('--runs <dir>', 'where run records are kept', 'runs')
    .option('--write', 'write the table to its file; by default it is printed', false)
    .addHelpText('after', '\nExample: ringlab suite support liburing latest --of liburing-2.9')
    .action(async (name, names, { of, runs, write }) => {
      const suite = (await loadSuites()).get(name);
      const table = suite && (await readSupport(suite));
      if (!suite?.support || !table) {
        const what = suite ? `the suite ${name} has no table of support` : `unknown suite ${name}`;
        throw new InputError({
          what,
          where: 'suite support',
          expected: 'a foreign suite with a support.yaml',
        });
      }
      const records = await Promise.all(names.map((each) => loadRun(each, runs)));
      const measurements = records.flatMap((record) => measurementsOf(record, name));
      if (measurements.length === 0)
        throw new InputError({ what: `none of the runs has results of ${name}`, where: names.join(', ') });
      const text = supportText(updatedTable(table, of, measurements));
      if (!write) return print(text);
      const file = join(suite.dir, suite.support);
      await writeAtomic(file, text);
      print(`${file}: ${measurements.length} measurements`);
    });
}

/** The results of a suite in a run, by kernel. */
function measurementsOf(record: RunRecord, suite: string): Measurement[] {
  return record.cells
    .filter((cell) => cell.suite === suite && cell.tests.length > 0)
    .flatMap(({ kernel, tests }) => {
      const { release } = record.kernels.find(({ id }) => id === kernel) ?? {};
      return release === undefined ? [] : [{ release, tests }];
    });
}

/** `ringlab suite` with its subcommands. */
export const suiteVerb = (_signal: AbortSignal) =>
  new Command('suite')
    .description('Suites: list them, or begin one of your own.')
    .addHelpText('after', '\nExample: ringlab suite list')
    .addCommand(listVerb())
    .addCommand(newVerb())
    .addCommand(supportVerb());
