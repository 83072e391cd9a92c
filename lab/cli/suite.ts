import { Command } from '@commander-js/extra-typings';
import { loadSuites } from '../suite/discover.ts';
import { newSuite } from '../suite/scaffold.ts';
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
      else print(columns(suites.map(({ name, guests, summary }) => [name, guests.join(', '), summary])));
    });
}

/** `ringlab suite` with its subcommands. */
export const suiteVerb = (_signal: AbortSignal) =>
  new Command('suite')
    .description('Suites: list them, or begin one of your own.')
    .addHelpText('after', '\nExample: ringlab suite list')
    .addCommand(listVerb())
    .addCommand(newVerb());
