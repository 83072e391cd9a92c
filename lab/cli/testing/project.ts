import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { parse } from 'yaml';
import { profiles } from '../../guest/index.ts';
import { loadSuites } from '../../suite/discover.ts';
import { program } from '../main.ts';
import { filesOf } from './texts.ts';

/** What references are checked against. */
export interface Project {
  /** The command with every verb, whose actions do nothing and whose errors are thrown. */
  program: CommandUnknownOpts;
  /** Files and folders below the root. */
  paths: ReadonlySet<string>;
  /** Folders at the root. */
  rooms: ReadonlySet<string>;
  /** Scripts of package.json. */
  scripts: ReadonlySet<string>;
  /** Options of the scripts that have any: after `--` of `npm test` and `npm run setup`, and of the examples by name. */
  scriptOptions: Readonly<Record<string, ReadonlySet<string>>>;
  /** Names that an option takes, by the option. */
  names: Readonly<Record<string, ReadonlySet<string>>>;
}

const foldersOf = (file: string): string[] => {
  const folder = dirname(file);
  return folder === '.' ? [] : [folder, ...foldersOf(folder)];
};

async function inertProgram(): Promise<CommandUnknownOpts> {
  const command = await program(undefined, new AbortController().signal);
  const silence = (verb: CommandUnknownOpts) => {
    if (verb.commands.length === 0) verb.action(() => {});
    verb.configureOutput({ writeOut: () => {}, writeErr: () => {} });
    verb.exitOverride((error) => {
      throw error;
    });
    verb.commands.forEach(silence);
  };
  silence(command);
  return command;
}

const optionsInHelp = (script: string) =>
  new Set(script.match(/^ {2}--[a-z0-9-]+/gm)?.map((line) => line.trim()));

/** The project at `root`. */
export async function projectOf(root: string): Promise<Project> {
  const files = filesOf(root);
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  const series = files.flatMap((file) => /^kernels\/series\/([^/]+)\//.exec(file)?.[1] ?? []);
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  return {
    program: await inertProgram(),
    paths: new Set(files.flatMap((file) => [file, ...foldersOf(file)])),
    rooms: new Set(files.flatMap((file) => foldersOf(file).at(-1) ?? [])),
    scripts: new Set(Object.keys(scripts)),
    scriptOptions: {
      test: optionsInHelp(read('bin/test.mjs')),
      setup: optionsInHelp(read('setup/main.mjs')),
      ...Object.fromEntries(
        ['bisect', 'configs', 'night'].map((name) => [name, optionsInHelp(read(`examples/${name}.mjs`))]),
      ),
    },
    names: {
      '--guest': new Set(Object.keys(profiles)),
      '--suite': new Set((await loadSuites()).keys()),
      '--series': new Set(series),
      '--kernel': new Set(Object.keys(parse(read('kernels/sources.yaml')))),
    },
  };
}
