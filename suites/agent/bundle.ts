import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

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

async function store(bytes: Uint8Array, hash: string): Promise<string> {
  const path = join(agent, 'build', `agent-${hash.slice(0, 16)}.cjs`);
  await mkdir(dirname(path), { recursive: true });
  const temp = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  await writeFile(temp, bytes);
  await rename(temp, path);
  return path;
}

/**
 * Bundles the agent and one suite to one CommonJS script. `hash` is the sha256 of its bytes and part of its file name. A suite
 * of the user's own finds the helpers under `ringlab/suite`.
 */
export async function bundleAgent(suite: Source): Promise<{ path: string; hash: string; bytes: Uint8Array }> {
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
    // Names stay for the traces; white space only costs the guest time. The map is read when a test fails.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'inline',
    sourcesContent: false,
    outfile: 'agent.cjs',
    logLevel: 'silent',
  });
  const bytes = result.outputFiles[0]?.contents;
  if (!bytes) throw new Error('esbuild gave no output');
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { path: await store(bytes, hash), hash, bytes };
}
