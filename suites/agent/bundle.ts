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

/** A suite to bundle: its name, and the folder that has its `index.ts`. */
interface Source {
  name: string;
  dir: string;
}

/** The entry point: the agent, and the suite to be imported when it is asked for. */
function entry({ name, dir }: Source): string {
  const table = `${JSON.stringify(name)}: () => import(${JSON.stringify(join(dir, 'index.ts'))})`;
  return `import { main } from './main.ts';\nvoid main({ ${table} });\n`;
}

async function store(bytes: Uint8Array, name: string): Promise<string> {
  const path = join(agent, 'build', name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, Buffer.from(bytes));
  return path;
}

/**
 * V8's compiled form of a script, for the same V8 with the same flags: saves an emulated guest a tenth of a second of parsing.
 * Source and place are what the waiting node makes of the file (images/minimal, waiting.cjs): V8 compares the length of the one
 * and shows the other in traces.
 */
export function compiled(script: string): Buffer {
  const source = script.slice(0, script.lastIndexOf('\n//# sourceMappingURL='));
  const head = '(function (exports, require, module, __filename, __dirname) {';
  const place = { filename: `${AGENT_HOME}/agent.cjs`, columnOffset: -head.length };
  return new Script(`${head}${source}\n})`, place).createCachedData();
}

export interface Bundle {
  path: string;
  /** File with V8's compiled form. */
  compiled: string;
  hash: string;
  bytes: Uint8Array;
}

/**
 * Bundles the agent and one suite to one CommonJS script. `hash` is the sha256 of its bytes and part of its file name. A suite
 * of the user's own finds the helpers under `ringlab/suite`.
 */
export async function bundleAgent(suite: Source): Promise<Bundle> {
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
  });
  const [output] = result.outputFiles;
  if (!output) throw new Error('esbuild gave no output');
  const { contents: bytes, text } = output;
  const hash = createHash('sha256').update(bytes).digest('hex');
  const name = `agent-${hash.slice(0, 16)}.cjs`;
  const [path, cache] = await Promise.all([
    store(bytes, name),
    store(compiled(text), `${name}.${process.version}.compiled`),
  ]);
  return { path, compiled: cache, hash, bytes };
}
