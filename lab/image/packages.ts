import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { cachedList, type PackageVersion, packagesIn } from './package-list.ts';

async function queryApt(packages: readonly string[], ctx: StageContext): Promise<PackageVersion[]> {
  const args = ['download', '--print-uris', ...packages];
  const { code, stdout, stderr } = await run('apt-get', args, { accept: 'any', signal: ctx.signal });
  if (code !== 0) {
    const errors = [...stderr.matchAll(/^E: (.*)$/gm)].map((match) => match[1] ?? '');
    const fix = 'apt-get update (as root), with Debian in the sources of apt';
    throw new InputError(errors.map((what) => ({ what, where: 'packages of the guest image', fix })));
  }
  const versions = packagesIn(stdout);
  // apt leaves out, without an error, a package whose newest version is installed but no longer in any source.
  const missing = packages.filter((name) => !versions.some((version) => version.name === name));
  if (missing.length > 0) {
    const fix = 'apt-get update (as root)';
    throw new InputError(missing.map((name) => ({ what: `apt cannot download the package ${name}`, fix })));
  }
  return versions;
}

/**
 * The versions of `packages` that apt would download, sorted by name, from the host's indexes; no network is used. Throws InputError
 * when apt does not know a package.
 */
export const resolvePackages = (packages: readonly string[], ctx: StageContext): Promise<PackageVersion[]> =>
  cachedList(packages, () => queryApt(packages, ctx), ctx);
