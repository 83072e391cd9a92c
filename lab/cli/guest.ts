import { Command } from '@commander-js/extra-typings';
import { stringify } from 'yaml';
import { InputError } from '../core/errors.ts';
import { expectedNames } from '../core/near.ts';
import { loadProfiles, profiles } from '../guest/index.ts';
import type { GuestProfile } from '../model/guest.ts';
import { columns, print, printJson } from './output.ts';

const FILE = ['--guests-file <file>', 'a YAML file with guest profiles of your own'] as const;

const fromOf = (profile: GuestProfile): 'built-in' | 'file' =>
  profiles[profile.name] === profile ? 'built-in' : 'file';

function listVerb() {
  return new Command('list')
    .description('List the guest profiles: name, where it is from, summary.')
    .option(...FILE)
    .option('--json', 'print the list as JSON', false)
    .addHelpText('after', '\nExample: ringlab guest list')
    .action(async ({ guestsFile, json }) => {
      const all = [...(await loadProfiles(guestsFile)).values()];
      const guests = all.map((profile) => ({
        name: profile.name,
        from: fromOf(profile),
        summary: profile.summary,
      }));
      if (json) printJson('guest-list', { guests });
      else print(columns(guests.map(({ name, from, summary }) => [name, from, summary])));
    });
}

function showVerb() {
  return new Command('show')
    .description('Show a guest profile with every field, what it extends included.')
    .argument('<guest>', 'the name of a profile')
    .option(...FILE)
    .option('--json', 'print the profile as JSON', false)
    .addHelpText('after', '\nExample: ringlab guest show multipath')
    .action(async (name, { guestsFile, json }) => {
      const all = await loadProfiles(guestsFile);
      const profile = all.get(name);
      if (!profile)
        throw new InputError({
          what: `there is no guest "${name}"`,
          expected: expectedNames(name, [...all.keys()]),
        });
      if (json) printJson('guest', profile);
      else print(stringify(profile));
    });
}

/** `ringlab guest` with its subcommands. */
export const guestVerb = (_signal: AbortSignal) =>
  new Command('guest')
    .description('List and show guest profiles, those of your own included.')
    .addHelpText('after', '\nExample: ringlab guest show multipath')
    .addCommand(listVerb())
    .addCommand(showVerb());
