import type { OutputName } from '../../lab/model/output.ts';

interface Entry {
  title: string;
  description: string;
}

/** Title and description of every published schema. */
export const CATALOGUE: Record<OutputName, Entry> = {
  'run-record': {
    title: 'Run record',
    description: 'run.json in the folder of a run: what ran, on which kernels, with which results.',
  },
  comparison: {
    title: 'Comparison',
    description:
      'Base and patched kernels of one run, or two runs, test by test: ringlab compare A B --json, and ringlab run --json where the run has both sides.',
  },
  event: {
    title: 'Event',
    description:
      'One line of the file that --events FILE names: a fact that a stage reports while it works. Readers skip events of types that they do not know.',
  },
  'cell-spec': {
    title: 'Cell spec',
    description:
      'cell-*.json in the folder of a run, which ringlab run --cell FILE takes: everything that decides what one attempt of a cell does.',
  },
  report: {
    title: 'Report',
    description:
      'ringlab report RUN --format json: the run record and, where the run has a base and patched kernels, their comparison.',
  },
  'results-import': {
    title: 'Import of runs',
    description: 'ringlab results import --json: what became of each folder.',
  },
  'results-list': {
    title: 'Runs of the history',
    description: 'ringlab results list --json.',
  },
  'results-show': {
    title: 'Run of the history',
    description:
      'ringlab results show RUN --json: since when its failing tests fail, and how it differs from its base and from the version before.',
  },
  'results-diff': {
    title: 'Difference of two histories',
    description: 'ringlab results diff A B --json: what every test became.',
  },
  'results-test': {
    title: 'History of tests',
    description: 'ringlab results test NAME --json: rates, streaks, flips, and since which run a test fails.',
  },
  'results-metric': {
    title: 'History of metrics',
    description: 'ringlab results metric NAME --json: values over the runs with their change points.',
  },
  'results-flaky': {
    title: 'Flaky tests',
    description: 'ringlab results flaky --json: tests with both outcomes on one build.',
  },
  'results-note': {
    title: 'Triage notes',
    description: 'ringlab results note --json: all notes.',
  },
  check: {
    title: 'Results of a check',
    description:
      'ringlab check: what the newest run of a patch found, as b4 review reads it; empty where no run has tested it.',
  },
  doctor: {
    title: 'Findings about this machine',
    description: 'ringlab doctor --json: each need of ringlab, and whether this machine meets it.',
  },
  series: {
    title: 'Series',
    description: 'ringlab series import SOURCE --json and ringlab series show SERIES --json.',
  },
  'series-remove': {
    title: 'Removed series',
    description: 'ringlab series remove NAME --json.',
  },
  'guest-list': {
    title: 'List of guest profiles',
    description: 'ringlab guest list --json: the built-in profiles, and those of --guests-file.',
  },
  guest: {
    title: 'Guest profile',
    description: 'ringlab guest show NAME --json: every field, what the profile extends included.',
  },
  'series-list': {
    title: 'List of series',
    description: 'ringlab series list --json: the series under kernels/series/, and the imported ones.',
  },
  'source-list': {
    title: 'List of sources',
    description: 'ringlab source list --json: the kernels of kernels/sources.yaml, and those added.',
  },
  source: {
    title: 'Source',
    description: 'ringlab source add NAME --json and ringlab source remove NAME --json.',
  },
  'source-update': {
    title: 'Update of sources',
    description: 'ringlab source update --json: what was done with each source.',
  },
  build: {
    title: 'Kernel build',
    description: 'ringlab build --json: a kernel in the store. With --series it is the patched kernel.',
  },
  'build-each': {
    title: 'Builds after each patch',
    description: 'ringlab build --each --json: one entry for the base and for each patch of the series.',
  },
  run: {
    title: 'Result of a run',
    description:
      'ringlab run --json and ringlab bench --json: the comparison of base and patched kernels, or the run record where the run has no two sides to compare.',
  },
  'run-dry-run': {
    title: 'Dry run',
    description:
      'ringlab run --dry-run --json and ringlab bench --dry-run --json: kernels and cells with their QEMU command lines. What exists only later is in angle brackets.',
  },
  mutants: {
    title: 'Results of mutants',
    description: 'ringlab mutants --json: each mutant, and the test that killed it.',
  },
  'mutants-dry-run': {
    title: 'List of mutants',
    description: 'ringlab mutants --dry-run --json: the mutants that would be tried, with their patch files.',
  },
  'suite-list': {
    title: 'List of suites',
    description: 'ringlab suite list --json: the suite.yaml of each suite, defaults filled in.',
  },
  'suite-new': {
    title: 'New suite',
    description: 'ringlab suite new FOLDER --json: the folder that was created.',
  },
  'shell-dry-run': {
    title: 'Dry run of a shell',
    description: 'ringlab shell --dry-run --json: the QEMU command line of the guest.',
  },
};
