import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { aptState } from './aptstate.ts';

/** A package at the version that the host's apt would install now. */
export interface PackageVersion {
  name: string;
  /** `name_version_arch.deb`. */
  file: string;
  /** `SHA256:...` as the signed index says. */
  hash: string;
}

const LINE = /^'[^']*' (\S+) \d+ (\S+)$/;

async function askApt(packages: readonly string[], ctx: StageContext): Promise<PackageVersion[]> {
  const args = ['download', '--print-uris', ...packages];
  const { code, stdout, stderr } = await run('apt-get', args, { accept: 'any', signal: ctx.signal });
  const unknown = [...stderr.matchAll(/^E: (.*)$/gm)].map((match) => match[1] ?? '');
  if (code !== 0) {
    const fix = 'apt-get update (as root), with Debian in the sources of apt';
    throw new InputError(unknown.map((what) => ({ what, where: 'packages of the guest image', fix })));
  }
  const found = stdout.split('\n').flatMap((line) => {
    const [, file, hash] = LINE.exec(line) ?? [];
    return file && hash ? [{ name: file.split('_')[0] ?? '', file, hash }] : [];
  });
  // A package whose newest version is installed but in no source is left out of the list without an error.
  const missing = packages.filter((name) => !found.some((each) => each.name === name));
  if (missing.length > 0) {
    const fix = 'apt-get update (as root)';
    throw new InputError(missing.map((name) => ({ what: `apt cannot fetch the package ${name}`, fix })));
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Which files apt would fetch for `packages`, from the host's own sources; needs no network. An answer is kept until apt has
 * something new to go by: where its cache is switched off, as in containers, every question costs more than a second of CPU.
 * Throws InputError when apt does not know a package.
 */
export async function resolvePackages(
  packages: readonly string[],
  ctx: StageContext,
): Promise<PackageVersion[]> {
  const key = hashOf(await aptState(ctx), ...packages).slice(0, 32);
  const file = join(cacheRoot(), 'images', `packages-${key}.json`);
  const known = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
  if (known) return known as PackageVersion[];
  const found = await askApt(packages, ctx);
  await writeJson(file, found);
  return found;
}

/** Fetches the packages into `work` and unpacks them over `root`: no root rights, no scripts. */
export async function unpackPackages(
  packages: readonly PackageVersion[],
  root: string,
  work: string,
  ctx: StageContext,
): Promise<void> {
  const debs = join(work, 'debs');
  await mkdir(debs, { recursive: true });
  // apt checks each file against the signed index. As root it would else try to give the folder to its own user and warn.
  const args = ['-o', 'APT::Sandbox::User=root', 'download', ...packages.map(({ name }) => name)];
  await run('apt-get', args, { cwd: debs, signal: ctx.signal });
  const files = (await readdir(debs)).sort();
  if (files.length !== packages.length) {
    throw new LabError(`apt fetched ${files.length} of ${packages.length} packages: ${files.join(', ')}`);
  }
  for (const file of files) await run('dpkg-deb', ['-x', join(debs, file), root], { signal: ctx.signal });
}
