import { createHash, randomBytes } from 'node:crypto';
import { access, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const agent = dirname(fileURLToPath(import.meta.url));
const suites = dirname(agent);

/** Names of the folders that hold a suite. */
async function suiteNames(): Promise<string[]> {
  const names = await readdir(suites);
  const has = await Promise.all(
    names.map((name) =>
      access(join(suites, name, 'suite.yaml')).then(
        () => true,
        () => false,
      ),
    ),
  );
  return names.filter((_, index) => has[index]).sort();
}

/** The entry point: the agent, and each suite to be imported when its turn comes. */
function entry(names: readonly string[]): string {
  const table = names.map((name) => `${JSON.stringify(name)}: () => import('../${name}/index.ts')`);
  return `import { main } from './main.ts';\nvoid main({ ${table.join(', ')} });\n`;
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
 * Bundles the agent and suites (default: all) to one CommonJS script. `hash` is the sha256 of its bytes and part of its file name.
 */
export async function bundleAgent(
  only?: readonly string[],
): Promise<{ path: string; hash: string; bytes: Uint8Array }> {
  const result = await build({
    stdin: {
      contents: entry(only ?? (await suiteNames())),
      resolveDir: agent,
      sourcefile: 'entry.ts',
      loader: 'ts',
    },
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
