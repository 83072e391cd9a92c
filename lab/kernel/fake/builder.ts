import { buildKernel } from '../index.ts';

/** A ringlab of its own, for tests that need a second process: argv is the JSON of tree and request; prints the build. */
const [tree, request] = JSON.parse(process.argv[2] ?? '');
const build = await buildKernel(tree, request, { signal: new AbortController().signal, emit: () => {} });
process.stdout.write(JSON.stringify(build));
