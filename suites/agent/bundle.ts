import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { Script } from 'node:vm';
import { type BuildOptions, build } from 'esbuild';
import writeFile from 'write-file-atomic';
import { packageRoot } from '../../bin/root.mjs';
import { AGENT_HOME } from './home.ts';

export { AGENT_HOME };

const suites = join(packageRoot, 'suites');
const agent = join(suites, 'agent');

/** A suite to bundle. */
interface Source {
  name: string;
  /** Folder of its `index.ts`. */
  dir: string;
}

/** What the entry point imports the suite by: its path there would be in the source map. */
const SUITE = 'ringlab/suite-to-run';

/**
 * The entry point: the agent, and the suite, which is imported when a cell names it. In a template it is held back (images/minimal,
 * waiting.cjs).
 */
const entry = (suite: string) =>
  `import { main } from './main.ts';
const start = () => void main({ ${JSON.stringify(suite)}: () => import('${SUITE}') });
if (globalThis.ringlabHold) globalThis.ringlabHold(start);
else start();
`;

/** V8 refuses a compiled form that a V8 of another version or with other flags made: both are in this number. */
const v8Tag = () => cachedDataVersionTag().toString(16).padStart(8, '0');

/**
 * V8's compiled form of a script (`cachedData` of vm.Script): saves an emulated guest 0.1 s of parsing. The wrapper is the one of
 * the node that waits in the guest (images/minimal, waiting.cjs), because V8 compares the length of the source; the file name is
 * the guest's, because traces show it.
 */
export function compiled(script: string): Buffer {
  const source = script.slice(0, script.lastIndexOf('\n//# sourceMappingURL='));
  const head = '(function (exports, require, module, __filename, __dirname) {';
  const place = { filename: `${AGENT_HOME}/agent.cjs`, columnOffset: -head.length };
  return new Script(`${head}${source}\n})`, place).createCachedData();
}

/** An agent with one suite, as files on the host. */
export interface Bundle {
  /** The script. */
  path: string;
  /** File with V8's compiled form of the script. */
  compiled: string;
  /** sha256 of the script, hexadecimal. */
  hash: string;
  bytes: Uint8Array;
}

/** Options of every bundle: one CommonJS script for the node of the guests. */
const shared = {
  // Paths in the source map are relative to it: equal sources give equal bytes wherever the lab is started.
  absWorkingDir: packageRoot,
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  // An ES module costs the emulated guest a quarter of a second more CPU to start.
  format: 'cjs',
  // A script of the waiting node has no import().
  supported: { 'dynamic-import': false },
  // Names stay for the traces; white space only costs the guest time. The map is read when a test fails.
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'inline',
  sourcesContent: false,
  outfile: 'agent.cjs',
  logLevel: 'silent',
} as const satisfies BuildOptions;

/** Bundles an entry point to one script in `folder`, which is made if missing. */
async function bundle(options: BuildOptions, folder: string): Promise<Bundle> {
  const result = await build({ ...shared, ...options, write: false });
  const [output] = result.outputFiles ?? [];
  if (!output) throw new Error('esbuild gave no output');
  const { contents: bytes, text } = output;
  const hash = createHash('sha256').update(bytes).digest('hex');
  const name = `agent-${hash.slice(0, 16)}.cjs`;
  const path = join(folder, name);
  const compiledPath = `${path}.${v8Tag()}.compiled`;
  await mkdir(folder, { recursive: true });
  await Promise.all([writeFile(path, Buffer.from(bytes)), writeFile(compiledPath, compiled(text))]);
  return { path, compiled: compiledPath, hash, bytes };
}

/**
 * Bundles the agent and one suite to one CommonJS script in `folder` (made if missing). `hash` is the sha256 of its bytes and part
 * of its file name, so that bundles of several checkouts may share a folder. A user's suite imports the helpers from
 * `ringlab/suite`. Rejects with esbuild's BuildFailure (`errors`) when the suite does not compile.
 */
export function bundleAgent(suite: Source, folder = join(agent, 'build')): Promise<Bundle> {
  const stdin = {
    contents: entry(suite.name),
    resolveDir: agent,
    sourcefile: 'entry.ts',
    loader: 'ts' as const,
  };
  const alias = { 'ringlab/suite': join(suites, 'lib/index.ts'), [SUITE]: join(suite.dir, 'index.ts') };
  return bundle({ stdin, alias }, folder);
}

/** Bundles the runner of folders of programs, as `bundleAgent`. */
export const bundleRunner = (folder = join(agent, 'build')): Promise<Bundle> =>
  bundle({ entryPoints: [join(agent, 'programs/main.ts')] }, folder);
