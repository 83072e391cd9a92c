/** The import directions of the house: see ARCHITECTURE.md. */
const STAGES = [
  'series',
  'source',
  'kernel',
  'image',
  'guest',
  'console',
  'tap',
  'suite',
  'foreign',
  'doctor',
];
/** What a run is made of, and the rooms below that each may use besides stages. */
const PARTS = { plan: [], cell: [], compare: ['record'], record: [], history: ['compare', 'record'] };
/** Each folder of suites/ that is a suite: all but the shared rooms. */
const SHARED = 'agent|binding|fakes|lib';
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    forbid('no-cycles', 'a cycle has no direction', {}, { circular: true }),
    forbid(
      'core-is-the-floor',
      'core knows no domain word',
      { path: '^lab/core/' },
      { path: '^(lab|reports|suites|images)/', pathNot: '^lab/core/' },
    ),
    forbid(
      'model-on-core',
      'model is plain types and schemas',
      { path: '^lab/model/' },
      { path: '^(lab|reports|suites|images)/', pathNot: '^lab/(core|model)/' },
    ),
    ...STAGES.map((stage) =>
      forbid(
        `stage-${stage}`,
        'stages never import one another',
        { path: `^lab/${stage}/` },
        { path: '^(lab|reports|suites)/', pathNot: `^lab/(core|model|${stage})/` },
      ),
    ),
    ...Object.entries(PARTS).map(([part, below]) =>
      forbid(
        `part-${part}`,
        'a part of a run uses stages and the parts below it, never the order of a run',
        { path: `^lab/${part}/` },
        {
          path: '^(lab|reports|suites)/',
          pathNot: `^lab/(core|model|${[part, ...below, ...STAGES].join('|')})/|^suites/(agent/(bundle|home)[.]ts|binding/build[.]mjs)$`,
        },
      ),
    ),
    forbid(
      'experiment-below-cli',
      'experiments wire stages and do not print',
      { path: '^lab/experiment/' },
      { path: '^(lab/(api|cli)|reports|suites)/' },
    ),
    forbid(
      'api-beside-cli',
      'the interface for scripts and the command share the experiments, not each other',
      { path: '^lab/api/' },
      { path: '^(lab/cli|suites)/' },
    ),
    forbid(
      'cli-beside-api',
      'the interface for scripts and the command share the experiments, not each other',
      { path: '^lab/cli/' },
      { path: '^lab/api/' },
    ),
    forbid(
      'examples-outside',
      "examples use what a user's script can use",
      { path: '^examples/', pathNot: '[.](test|e2e)[.]ts$' },
      { path: '^(lab|reports|suites|kernels|images|setup)/', pathNot: '^lab/api/index[.]ts$' },
    ),
    forbid(
      'reports-on-model',
      'a report is made from the record alone',
      { path: '^reports/' },
      { path: '^(lab|suites)/', pathNot: '^lab/model/' },
    ),
    forbid(
      'suites-alone',
      'the guest side shares only the protocol types, and how exit codes are read',
      { path: '^suites/', pathNot: '[.]test[.]ts$' },
      {
        path: '^(lab|reports|images)/',
        pathNot: '^lab/(model/(protocol|uapi)|tap/(ansi|exit|exit-reason|shorten))[.]ts$',
      },
    ),
    forbid(
      'suites-apart',
      'what two suites use lies in suites/lib',
      { path: '^suites/([^/]+)/', pathNot: `^suites/(${SHARED})/` },
      { path: '^suites/', pathNot: `^suites/($1|${SHARED})/` },
    ),
    forbid(
      'lib-below-suites',
      'shared code knows no suite',
      { path: `^suites/(${SHARED})/` },
      { path: '^suites/', pathNot: `^suites/(${SHARED})/` },
    ),
    forbid(
      'execa-behind-core',
      'one place starts processes',
      { path: '^(lab|reports)/', pathNot: '^lab/core/process' },
      { path: 'node_modules/execa/' },
    ),
    forbid(
      'ssh2-behind-guest',
      'SSH and SFTP are behind one file each',
      { path: '^(lab|reports|suites)/', pathNot: '^lab/guest/((ssh|sftp)[.]ts$|fakes/|testing/)' },
      { path: 'node_modules/(@types/)?ssh2/' },
    ),
    forbid(
      'no-dev-in-product',
      'development packages are for tests',
      { path: '^(lab|reports|suites)/', pathNot: '([.]test[.]ts|[.]e2e[.]ts|/fakes/|/testing/)' },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'] },
  },
};
