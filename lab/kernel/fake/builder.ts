import { buildKernel } from '../index.ts';

/** Builds in a separate process, for tests of locks and environments. Argument: JSON of `[tree, request, policy]`; prints the build as JSON. */
const [tree, request, policy] = JSON.parse(process.argv[2] ?? '');
const build = await buildKernel(tree, request, {
  ...policy,
  ...{ signal: new AbortController().signal, emit: () => {} },
});
process.stdout.write(JSON.stringify(build));
