// Loads the lab from a checkout: as one bundle, made again when a source has changed.
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle } from './bundle.mjs';
import { packageRoot } from './root.mjs';

const ENTRY = 'lab/index.ts';
const folder = join(packageRoot, 'bin/build');
const keyFile = join(folder, 'lab.json');
/** How long a bundle is kept at least, ms: any number of processes that were started earlier may be about to load it. */
const KEPT_MS = 3_600_000;

/** What changes when a file is edited: cheaper to ask for than its content. */
const stampOf = async (path) => {
  const { size, mtimeMs } = await stat(join(packageRoot, path));
  return `${size} ${mtimeMs}`;
};

async function makeBundle() {
  const { default: writeFile } = await import('write-file-atomic');
  const name = `lab-${Date.now()}-${process.pid}.mjs`;
  const { contents, inputs } = await bundle({ entry: ENTRY, outfile: join('bin/build', name) });
  const paths = ['package-lock.json', 'bin/bundle.mjs', 'bin/load.mjs', ...inputs];
  const sources = await Promise.all(paths.map(async (path) => [path, await stampOf(path)]));
  await mkdir(folder, { recursive: true });
  // Whole or not at all: another ringlab may be reading.
  await writeFile(join(folder, name), contents);
  await writeFile(keyFile, JSON.stringify({ root: packageRoot, name, sources }));
  await dropOldBundles(name);
  return join(folder, name);
}

/** Removes the bundles of earlier sources, but for `current` and those that are young. */
async function dropOldBundles(current) {
  const others = (await readdir(folder)).filter((file) => file.endsWith('.mjs') && file !== current);
  for (const path of others.map((file) => join(folder, file))) {
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > KEPT_MS) await rm(path, { force: true });
  }
}

/** The latest bundle; undefined when it was made in another folder or from sources that have changed since. */
async function currentBundle() {
  try {
    const { root, name, sources } = JSON.parse(await readFile(keyFile, 'utf8'));
    if (root !== packageRoot) return undefined;
    const unchanged = await Promise.all(
      sources.map(async ([path, stamp]) => (await stampOf(path)) === stamp),
    );
    if (!unchanged.every(Boolean)) return undefined;
    await stat(join(folder, name));
    return join(folder, name);
  } catch {
    return undefined;
  }
}

/**
 * The module lab/index.ts. In a checkout that cannot be written to, its sources are loaded one by one instead.
 * @returns {Promise<typeof import('../lab/index.ts')>}
 */
export async function loadLab() {
  let path = await currentBundle();
  try {
    path ??= await makeBundle();
  } catch (error) {
    // tsx reports a source that does not compile as well as esbuild does.
    if (!error.errors && !error.syscall) throw error;
    const { register } = await import('tsx/esm/api');
    register();
    return import(pathToFileURL(join(packageRoot, ENTRY)).href);
  }
  return import(pathToFileURL(path).href);
}
