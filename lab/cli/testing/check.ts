import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { pathExists } from './paths.ts';
import type { Project } from './project.ts';
import { type Reference, referencesOf } from './references.ts';
import type { Text } from './texts.ts';

/** A word that stands for another: `FILE`, `<name>`, `...`, and the path of something of the user's. */
const isPlaceholder = (word: string) => /^[A-Z<*~.]|[*/<]/.test(word);

/** Options of other programs that stand alone in a text, with the program. */
const OTHER_OPTIONS: Readonly<Record<string, string>> = {
  '--addamb': 'capsh',
  '--ambient-caps': 'setpriv',
  '--bind': 'bwrap',
  '--build-snapshot': 'node',
  '--clear-groups': 'setpriv',
  '--count': 'git rev-list',
  '--dev-bind': 'bwrap',
  '--git-path': 'git rev-parse',
  '--help': 'every program',
  '--inh-caps': 'setpriv',
  '--list-full': 'busybox',
  '--merges': 'git rev-list',
  '--no-merges': 'git rev-list',
  '--no-sparkplug': 'V8',
  '--norc': 'bash',
  '--path-format': 'git rev-parse',
  '--pdeathsig': 'setpriv',
  '--rbind': 'mount',
  '--ro-bind': 'bwrap',
  '--show-object-format': 'git rev-parse',
  '--sparkplug': 'V8',
};

/** A verb or subcommand, and the words after it. */
interface Invocation {
  command: CommandUnknownOpts;
  rest: string[];
}

/** The verb or subcommand that words name, or what is wrong with them. */
function findVerb(program: CommandUnknownOpts, words: readonly string[]): Invocation | string {
  const [verb = '', ...rest] = words;
  if (verb.startsWith('-')) return { command: program, rest: [...words] };
  const command = program.commands.find((each) => each.name() === verb);
  if (!command) return `ringlab has no verb "${verb}"`;
  const [inner = ''] = rest;
  if (command.commands.length === 0 || !/^[a-z]/.test(inner)) return { command, rest };
  const subcommand = command.commands.find((each) => each.name() === inner);
  return subcommand
    ? { command: subcommand, rest: rest.slice(1) }
    : `ringlab ${verb} has no subcommand "${inner}"`;
}

const nameOf = (command: CommandUnknownOpts): string =>
  [command.parent ? nameOf(command.parent) : '', command.name()].join(' ').trim();

/** What is wrong with the options of a command; `introduced` are names that the same file gives to its own things. */
function optionProblems(
  { command, rest }: Invocation,
  { names }: Project,
  introduced: ReadonlySet<string>,
): string[] {
  const end = rest.indexOf('--');
  const words = end < 0 ? rest : rest.slice(0, end);
  return words.flatMap((word, index): string[] => {
    const [flag = '', assigned] = word.split('=', 2);
    if (!/^--?[a-z]/.test(flag) || ['--help', '-h'].includes(flag)) return [];
    const option = command.options.find(({ long, short }) => flag === long || flag === short);
    if (!option) return [`${nameOf(command)} has no option ${flag}`];
    const value = assigned ?? words[index + 1];
    if (value === undefined || value.startsWith('-') || isPlaceholder(value)) return [];
    // The suite of `source add` is one of Debian.
    const isOther =
      (flag === '--guest' && words.includes('--guests-file')) ||
      (flag === '--suite' && words.includes('--package'));
    const values =
      option.argChoices ?? (isOther ? undefined : names[flag] && [...names[flag], ...introduced]);
    return !values || values.includes(value) ? [] : [`${flag} does not take ${value}: ${values.join(', ')}`];
  });
}

/** What is wrong with an option that stands alone: some verb or script must have it. */
function bareOptionProblems(option: string, { program, scriptOptions }: Project): string[] {
  const verbs = program.commands.flatMap((command) => [command, ...command.commands]);
  const isKnown =
    option in OTHER_OPTIONS ||
    verbs.some(({ options }) => options.some(({ long }) => long === option)) ||
    Object.values(scriptOptions).some((options) => options.has(option));
  return isKnown ? [] : [`no verb has an option ${option}`];
}

/** What is wrong with a command line that must run as it is, by commander's own account. */
async function parseProblems(words: readonly string[], { program }: Project): Promise<string[]> {
  try {
    await program.parseAsync([...words], { from: 'user' });
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

const isVerb = (word: string | undefined, { program }: Project) =>
  program.commands.some((command) => command.name() === word);

/** "ringlab makes", "ringlab throws": not a command, where it is not in code. */
function isSentence({ words, place }: Extract<Reference, { kind: 'command' }>, project: Project): boolean {
  const [word = ''] = words;
  return place === 'prose' && /^[a-z]+s$/.test(word) && !isVerb(word, project);
}

async function problemsOfReference(
  reference: Reference,
  file: string,
  project: Project,
  introduced: ReadonlySet<string>,
): Promise<string[]> {
  switch (reference.kind) {
    case 'command': {
      const invocation = findVerb(project.program, reference.words);
      if (typeof invocation === 'string') return isSentence(reference, project) ? [] : [invocation];
      const problems = optionProblems(invocation, project, introduced);
      return problems.length > 0 || reference.place !== 'block'
        ? problems
        : parseProblems(reference.words, project);
    }
    case 'call': {
      const [word] = reference.words;
      if (!isVerb(word, project) || !reference.words.some((each) => each.startsWith('--'))) return [];
      return problemsOfReference({ ...reference, kind: 'command', place: 'span' }, file, project, introduced);
    }
    case 'option':
      return bareOptionProblems(reference.option, project);
    case 'script': {
      const { script, options } = reference;
      if (!project.scripts.has(script)) return [`package.json has no script "${script}"`];
      const known = project.scriptOptions[script];
      const unknown = options.filter((option) => !known?.has(option));
      return unknown.map((option) => `the script ${script} has no option ${option}`);
    }
    case 'path':
      return pathExists(reference.path, file, project) ? [] : [`there is no ${reference.path}`];
  }
}

/** What is wrong with the texts of one file, each as `file:line: problem`. */
export async function problemsOf(texts: readonly Text[], project: Project): Promise<string[]> {
  const references = texts.flatMap((text) =>
    referencesOf(text).map((reference) => ({ ...reference, file: text.file })),
  );
  const introduced = references.flatMap((reference) =>
    reference.kind === 'command'
      ? reference.words.filter((_, index, words) => words[index - 1] === '--name')
      : [],
  );
  const problems: string[] = [];
  for (const reference of references) {
    const { file, line } = reference;
    const wrong = await problemsOfReference(reference, file, project, new Set(introduced));
    problems.push(...wrong.map((problem) => `${file}:${line}: ${problem}`));
  }
  return [...new Set(problems)];
}
