/** What documentation, messages and comments say about the program and the repository, checked against both. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import t from 'tap';
import { formats } from '../../reports/index.ts';
import { ExitCode } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import { Change } from '../model/compare.ts';
import { Verdict } from '../model/verdict.ts';
import { problemsOf } from './testing/check.ts';
import { codeSpans, glossaryProblems, listAfter, tableRows } from './testing/lists.ts';
import { projectOf } from './testing/project.ts';
import { ringlab } from './testing/ringlab.ts';
import { projectTexts, type Text, textsOf } from './testing/texts.ts';

const project = await projectOf(projectRoot);
const read = (file: string) => readFileSync(join(projectRoot, file), 'utf8');
const problemsIn = (file: string, content: string) => problemsOf(textsOf(file, content), project);

const isOf = (file: string) => (text: Text) => text.file === file;

t.test('verbs, options, paths and scripts that texts of the project name exist', async (t) => {
  const texts = projectTexts(projectRoot);
  t.ok(texts.length > 1000, 'texts were read');
  const problems: string[] = [];
  for (const file of new Set(texts.map((text) => text.file)))
    problems.push(...(await problemsOf(texts.filter(isOf(file)), project)));
  t.same(problems, []);
});

/** All verbs and subcommands. */
const commands = (verb: CommandUnknownOpts): CommandUnknownOpts[] => [
  verb,
  ...verb.commands.flatMap(commands),
];

/** Words of a command line that call it: `series import`. */
const wordsOf = (command: CommandUnknownOpts): string[] =>
  command.parent ? [...wordsOf(command.parent), command.name()] : [];

for (const command of project.program.commands.flatMap(commands)) {
  const words = wordsOf(command);
  const name = ['ringlab', ...words].join(' ');
  t.test(
    `${name} --help exits with 0 and prints a description of one line and an example that runs`,
    async (t) => {
      const { code, stdout } = await ringlab([...words, '--help'], { env: { NO_COLOR: '1' } });
      t.equal(code, 0, 'exit code');
      t.match(command.description(), /^[^\n]{10,130}[.]$/, 'description');
      for (const { long, description } of command.options)
        t.match(description, /^\S.{4,}/, `description of ${long}`);
      const examples = /\nExample: ([\s\S]*)$/.exec(stdout)?.[1]?.trim().split(/\n\s*/) ?? [];
      t.ok(examples.length > 0, 'help has an example');
      for (const example of examples) {
        t.equal(example.slice(0, name.length), name, 'command of the example');
        t.same(await problemsIn('help.md', `    ${example}\n`), [], `problems of ${example}`);
      }
    },
  );
}

t.test(
  'the README lists the exit codes, formats, verdicts, changes, guests and suites of the program',
  (t) => {
    const readme = read('README.md');
    const codes = tableRows(readme)
      .map(([code]) => Number(code))
      .filter((code) => !Number.isNaN(code));
    t.same(codes, Object.values(ExitCode), 'exit codes');
    const format = /--format (\w+) +# also (.*)/.exec(readme);
    t.same(
      [format?.[1], ...(format?.[2]?.split(', ') ?? [])].sort(),
      [...formats].sort(),
      'formats of a report',
    );
    t.same(listAfter(readme, 'Verdicts of a test: '), Verdict.options, 'verdicts of a test');
    t.same(listAfter(readme, 'says of each test: '), Change.options, 'changes of a test');
    const section = readme.slice(readme.indexOf('\nGuests: '), readme.indexOf('\nSuites: '));
    const guests = [...(project.names['--guest'] ?? [])];
    t.same(codeSpans(section.slice(0, section.indexOf(';'))).sort(), guests.sort(), 'guest profiles');
    const suites = codeSpans(readme.slice(readme.indexOf('\nSuites: '))).filter((span) =>
      project.names['--suite']?.has(span),
    );
    t.same([...new Set(suites)].sort(), [...(project.names['--suite'] ?? [])].sort(), 'suites');
    t.end();
  },
);

t.test('the glossary names types where they are', (t) => {
  t.same(glossaryProblems(read('GLOSSARY.md'), projectRoot, project), []);
  t.end();
});

t.test('ARCHITECTURE.md lists every room, and every folder of the cache', (t) => {
  const text = read('ARCHITECTURE.md');
  const section = text.slice(text.indexOf('\n## Rooms'), text.indexOf('\n## Where'));
  const rooms = tableRows(section).flatMap(([room = '']) => codeSpans(room));
  const folders = [...project.paths].flatMap(
    (path) => /^(lab\/[^/]+|(?!lab\/)[^/.]+)\//.exec(path)?.[1] ?? [],
  );
  t.same(rooms.sort(), [...new Set(folders)].sort(), 'rooms');
  const scripts = [...project.paths]
    .filter((path) => /^lab\/.*(?<![.](test|e2e))[.]ts$/.test(path))
    .map(read);
  const caches = scripts.flatMap((script) => [...script.matchAll(/join\(cacheRoot\(\), '([\w-]+)'/g)]);
  t.ok(caches.length > 5, 'there are folders of the cache');
  for (const [, folder] of caches) t.ok(text.includes(`\`${folder}/`), `folder ${folder} of the cache`);
  t.end();
});
