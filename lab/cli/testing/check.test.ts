/** What the check of documentation reports, and what it leaves alone. */
import t from 'tap';
import { projectRoot } from '../../core/paths.ts';
import { problemsOf } from './check.ts';
import { glossaryProblems } from './lists.ts';
import { projectOf } from './project.ts';
import { textsOf } from './texts.ts';

const project = await projectOf(projectRoot);
const problemsIn = (file: string, content: string) => problemsOf(textsOf(file, content), project);

/** What a template has between its strings. */
const HOLE = ['$', '{x}'].join('');

const samples: [title: string, file: string, content: string, problems: string[]][] = [
  ['a verb in a code span', 'x.md', 'Run\n`ringlab gc` now.', ['x.md:2: ringlab has no verb "gc"']],
  ['a verb in a block', 'x.md', 'So:\n\n    ringlab made --all\n', ['x.md:3: ringlab has no verb "made"']],
  ['a verb in a message', 'x.ts', "fail('use ringlab gc, then');", ['x.ts:1: ringlab has no verb "gc"']],
  [
    'a verb in a template',
    'x.ts',
    `fail(\`${HOLE}: ringlab gc ${HOLE}\`);`,
    ['x.ts:1: ringlab has no verb "gc"'],
  ],
  ['a verb in a comment', 'x.ts', 'f();\n// as\n// `ringlab gc`\n', ['x.ts:3: ringlab has no verb "gc"']],
  ['a verb in YAML', 'x.yaml', 'a: 1\n# see ringlab gc\n', ['x.yaml:2: ringlab has no verb "gc"']],
  [
    'a verb in the comment of a block',
    'x.md',
    '    ringlab run   # or: ringlab gc\n',
    ['x.md:1: ringlab has no verb "gc"'],
  ],
  [
    'a subcommand in a message',
    'x.ts',
    "fail('see ringlab series lists');",
    ['x.ts:1: ringlab series has no subcommand "lists"'],
  ],
  ['a subcommand', 'x.md', '`ringlab series drop NAME`', ['x.md:1: ringlab series has no subcommand "drop"']],
  [
    'an option of a verb',
    'x.md',
    '`ringlab run --sources x`',
    ['x.md:1: ringlab run has no option --sources'],
  ],
  [
    'an option of another verb',
    'x.md',
    '`ringlab doctor --each`',
    ['x.md:1: ringlab doctor has no option --each'],
  ],
  [
    'an option of a subcommand',
    'x.md',
    '`ringlab series list --out X`',
    ['x.md:1: ringlab series list has no option --out'],
  ],
  [
    'an option of a verb that stands alone',
    'x.md',
    '`compare --only x`',
    ['x.md:1: ringlab compare has no option --only'],
  ],
  [
    'an option that stands alone',
    'x.ts',
    "throw new InputError({ where: '--sauce' });",
    ['x.ts:1: no verb has an option --sauce'],
  ],
  [
    'a choice',
    'x.md',
    '`ringlab report latest --format pdf`',
    [
      'x.md:1: --format does not take pdf: text, markdown, junit, json, mail, kcidb, github-summary, github-annotations, openmetrics, patchwork, otlp, html',
    ],
  ],
  [
    'a suite',
    'x.md',
    '`ringlab run --suite nvme`',
    [
      'x.md:1: --suite does not take nvme: bench, dma-premap, group-kbuf, multipath, passthrough, ring-model, sqe-group, ublk, blktests, fio, kselftest, liburing, nvme-cli',
    ],
  ],
  [
    'a value that a verb checks',
    'x.md',
    '    ringlab run --jobs 0\n',
    ["x.md:1: error: option '--jobs <n>' argument '0' is invalid. expected a whole number of at least 1."],
  ],
  ['an argument', 'x.md', '    ringlab compare runs/A\n', ["x.md:1: error: missing required argument 'b'"]],
  ['a path in prose', 'lab/x.md', 'see lab/run/cell.ts.', ['lab/x.md:1: there is no lab/run/cell.ts']],
  [
    'a path in a message',
    'x.ts',
    `fix(\`as ${HOLE} kernels/sources.yml\`);`,
    ['x.ts:1: there is no kernels/sources.yml'],
  ],
  ['a pattern without a match', 'x.md', '`suites/*/suite.yml`', ['x.md:1: there is no suites/*/suite.yml']],
  [
    'a file beside a README',
    'lab/tap/README.md',
    '`parser.ts`',
    ['lab/tap/README.md:1: there is no parser.ts'],
  ],
  [
    'a folder in a list',
    'lab/tap/README.md',
    '    samples/   streams\n',
    ['lab/tap/README.md:1: there is no samples/'],
  ],
  ['a document', 'lab/x.md', '../DESIGN.md', ['lab/x.md:1: there is no ../DESIGN.md']],
  ['a script', 'x.md', '`npm run lint`', ['x.md:1: package.json has no script "lint"']],
  ['an option of a script', 'x.md', '`npm test -- --fast`', ['x.md:1: the script test has no option --fast']],
];
for (const [title, file, content, problems] of samples) {
  t.test(`${title} that does not exist is a problem with its place`, async (t) => {
    t.same(await problemsIn(file, content), problems);
  });
}

t.test(
  'sentences about ringlab, other programs, generated files and placeholders are no problems',
  async (t) => {
    const text = [
      'The log that ringlab wrote is in `bin/build/lab.json`. `git log --oneline`, `qemu-system-x86_64 --version`',
      '`ringlab run --series <name> --only TEXT`, `kernels/series/<name>/series.yaml`, `kernels/series/*/NNNN-*.patch`',
      '',
      "    ringlab shell --guest plain -- ls --all   # 'til the end",
      "    ringlab bench --series dma-premap \\\n        --only ' 4k depth' && ringlab series import x.mbox --name mine",
      '    ringlab run --series mine',
    ];
    t.same(await problemsIn('x.md', text.join('\n')), []);
    t.same(
      await problemsIn(
        'x.ts',
        "run('cp', ['--archive']); f('the cache folder kernels/x'); import('lab/x.ts');",
      ),
      [],
    );
  },
);

t.test('a glossary row without a place, with a path or a name that does not exist is a problem', (t) => {
  const rows = [
    '| a | b | `lab/none.ts` |',
    '| c | d | `lab/model/run.ts` `Cell` |',
    '| e | f | `suites/lib/test.ts` `Test.until` |',
    '| g | h | somewhere |',
    '| i | j | `lab/model/run.ts` `Attempt`, `suites/lib/test.ts` `Test.since`, `images/*/recipe.yaml` |',
    '| k | l |',
  ];
  const problems = ['a: there is no lab/none.ts', 'c: lab/model/run.ts exports no Cell'];
  const others = ['e: suites/lib/test.ts exports no Test.until', 'g: no place is given'];
  t.same(glossaryProblems(rows.join('\n'), projectRoot, project), [...problems, ...others]);
  t.end();
});
