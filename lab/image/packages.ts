import { lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import { discard } from '../core/seal.ts';
import type { StageContext } from '../model/event.ts';
import { aptState } from './aptstate.ts';

/** A package in the version that the host's apt would download now. */
const PackageVersion = z.object({
  name: z.string(),
  /** `name_version_arch.deb`. */
  file: z.string(),
  /** `SHA256:...` from the signed index. */
  hash: z.string(),
});
export type PackageVersion = z.infer<typeof PackageVersion>;

/** A list in the cache: the packages, and their hash. */
const StoredList = z.object({ packages: z.array(PackageVersion), sum: z.string() });
const sumOf = (packages: readonly PackageVersion[]) => hashOf(JSON.stringify(packages));

/** The stored list; undefined when there is none, `damage` in words when it is not as it was written. */
async function readList(
  file: string,
): Promise<{ packages: PackageVersion[] } | { damage: string } | undefined> {
  const info = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (info === undefined) return undefined;
  // Not opened: a FIFO would wait for a writer.
  if (!info.isFile()) return { damage: 'it is no regular file' };
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES') throw error;
  });
  if (text === undefined) return { damage: 'it cannot be read' };
  try {
    const { packages, sum } = StoredList.parse(JSON.parse(text));
    return sum === sumOf(packages) ? { packages } : { damage: 'its content is not as it was written' };
  } catch {
    return { damage: 'it is no list of packages' };
  }
}

/** A line of `apt-get download --print-uris`: URI, file name, size, hash. */
const URI_LINE = /^'[^']*' (\S+) \d+ (\S+)$/;

async function queryApt(packages: readonly string[], ctx: StageContext): Promise<PackageVersion[]> {
  const args = ['download', '--print-uris', ...packages];
  const { code, stdout, stderr } = await run('apt-get', args, { accept: 'any', signal: ctx.signal });
  if (code !== 0) {
    const errors = [...stderr.matchAll(/^E: (.*)$/gm)].map((match) => match[1] ?? '');
    const fix = 'apt-get update (as root), with Debian in the sources of apt';
    throw new InputError(errors.map((what) => ({ what, where: 'packages of the guest image', fix })));
  }
  const versions = stdout.split('\n').flatMap((line) => {
    const [, file, hash] = URI_LINE.exec(line) ?? [];
    return file && hash ? [{ name: file.split('_')[0] ?? '', file, hash }] : [];
  });
  // apt leaves out, without an error, a package whose newest version is installed but no longer in any source.
  const missing = packages.filter((name) => !versions.some((version) => version.name === name));
  if (missing.length > 0) {
    const fix = 'apt-get update (as root)';
    throw new InputError(missing.map((name) => ({ what: `apt cannot download the package ${name}`, fix })));
  }
  return versions.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The versions of `packages` that apt would download, sorted by name, from the host's indexes; no network is used. The answer is cached
 * until `aptState` changes: where apt's own cache is switched off, as in containers, each query costs more than a second of CPU.
 * Throws InputError when apt does not know a package.
 */
export async function resolvePackages(
  packages: readonly string[],
  ctx: StageContext,
): Promise<PackageVersion[]> {
  const key = hashOf('list-2', await aptState(ctx), ...packages).slice(0, 32);
  const name = `packages-${key}.json`;
  const file = join(cacheRoot(), 'images', name);
  const stored = await readList(file);
  if (stored && 'packages' in stored) return stored.packages;
  if (stored) {
    const note = { code: 'cache.damaged' as const, subject: `images/${name}`, damage: stored.damage };
    ctx.emit({ type: 'note', note });
    await discard(file);
  }
  const versions = await queryApt(packages, ctx);
  await writeJson(file, { packages: versions, sum: sumOf(versions) });
  return versions;
}

/**
 * Downloads the packages into `work` and unpacks them into `root`, without root rights and without their scripts. Throws LabError
 * when apt or dpkg-deb fails.
 */
export async function unpackPackages(
  packages: readonly PackageVersion[],
  root: string,
  work: string,
  ctx: StageContext,
): Promise<void> {
  const debs = join(work, 'debs');
  await mkdir(debs, { recursive: true });
  // apt checks each file against the signed index. Run by root it would otherwise try to download as `_apt`, which cannot write
  // to this folder, and warn.
  const args = ['-o', 'APT::Sandbox::User=root', 'download', ...packages.map(({ name }) => name)];
  await run('apt-get', args, { cwd: debs, signal: ctx.signal });
  const files = (await readdir(debs)).sort();
  if (files.length !== packages.length) {
    throw new LabError(`apt downloaded ${files.length} of ${packages.length} packages: ${files.join(', ')}`);
  }
  for (const file of files) await run('dpkg-deb', ['-x', join(debs, file), root], { signal: ctx.signal });
}
