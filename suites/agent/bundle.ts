import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { build } from 'esbuild';
import writeFile from 'write-file-atomic';
import { AGENT_HOME } from './home.ts';

export { AGENT_HOME };

const agent = dirname(fileURLToPath(import.meta.url));
const suites = dirname(agent);

/** A suite to bundle: its name and the folder with its `index.ts`. */
interface SuiteSource {
  name: string;
  dir: string;
}

/** Source of the entry point: the agent, with the suite as a lazy import by its name. */
function entry({ name, dir }: SuiteSource): string {
  const table = `${JSON.stringify(name)}: () => import(${JSON.stringify(join(dir, 'index.ts'))})`;
  return `import { main } from './main.ts';\nvoid main({ ${table} });\n`;
}

/** Writes a file of `build/` atomically: runs that bundle at the same time may share it. */
async function store(bytes: Uint8Array, name: string): Promise<string> {
  const path = join(agent, 'build', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, Buffer.from(bytes));
  return path;
}

/**
 * V8's code cache of a script, valid for the same V8 with the same flags: saves an emulated guest 0.1 s of parsing. Source text and
 * file name are those that the waiting node uses (images/minimal, waiting.cjs): V8 rejects a cache for a source of another length, and
 * takes the name for stack traces.
 */
export function compiled(script: string): Buffer {
  const source = script.slice(0, script.lastIndexOf('\n//# sourceMappingURL='));
  const head = '(function (exports, require, module, __filename, __dirname) {';
  const options = { filename: `${AGENT_HOME}/agent.cjs`, columnOffset: -head.length };
  return new Script(`${head}${source}\n})`, options).createCachedData();
}

/** A bundled agent. */
export interface Bundle {
  /** File with the script, named after its hash. */
  path: string;
  /** File with V8's code cache of the script, see `compiled`. */
  compiled: string;
  /** sha256 of `bytes`, hexadecimal. */
  hash: string;
  /** The script. */
  bytes: Uint8Array;
}

/**
 * Bundles the agent and one suite to one CommonJS script in `build/`. In a suite `ringlab/suite` resolves to `lib/index.ts`. Throws
 * esbuild's BuildFailure when the suite does not compile.
 */
export async function bundleAgent(suite: SuiteSource): Promise<Bundle> {
  const result = await build({
    stdin: {
      contents: entry(suite),
      resolveDir: agent,
      sourcefile: 'entry.ts',
      loader: 'ts',
    },
    alias: { 'ringlab/suite': join(suites, 'lib/index.ts') },
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    // An ES module takes 0.25 s more CPU time to start in an emulated guest.
    format: 'cjs',
    // The waiting node runs the file as a vm.Script, which has no import().
    supported: { 'dynamic-import': false },
    // Without white space the guest parses faster. Names stay as they are, for stack traces; the source map is read when a test fails.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'inline',
    sourcesContent: false,
    outfile: 'agent.cjs',
    logLevel: 'silent',
  });
  const [output] = result.outputFiles;
  if (!output) throw new Error('esbuild returned no output file');
  const { contents: bytes, text } = output;
  const hash = createHash('sha256').update(bytes).digest('hex');
  const name = `agent-${hash.slice(0, 16)}.cjs`;
  const [path, cachePath] = await Promise.all([
    store(bytes, name),
    store(compiled(text), `${name}.${process.version}.compiled`),
  ]);
  return { path, compiled: cachePath, hash, bytes };
}
