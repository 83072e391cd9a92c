import { rm } from 'node:fs/promises';
import { exists } from '../core/cache.ts';
import type { StageContext } from '../model/event.ts';
import type { ListedSource, SourceUpdate } from '../model/source-list.ts';
import { allSources, findSource, type NamedSource } from './catalogue.ts';
import { forgetPackage, pinnedVersion, updatePackage } from './packages.ts';
import { installedPackage } from './resolve.ts';
import { downloadedTarball, tarballFolder } from './url.ts';
import { removeSource } from './user-sources.ts';

async function listed(source: NamedSource, signal: AbortSignal): Promise<ListedSource> {
  const { name, package: packageName, suite, path, url, sha256 = '' } = source;
  if (packageName !== undefined) {
    const installed = await installedPackage(packageName, signal);
    if (installed) return { ...source, ready: true, version: installed.version };
    const version =
      suite === undefined ? undefined : await pinnedVersion({ name, package: packageName, suite });
    return { ...source, ready: version !== undefined, version };
  }
  const place = url === undefined ? (path ?? '') : tarballFolder({ name, url, sha256 });
  return { ...source, ready: await exists(place) };
}

/** Every source that `--kernel` takes, with the version in use and whether it is on this machine. Throws InputError for a malformed file. */
export async function listSources({ signal }: StageContext): Promise<ListedSource[]> {
  return Promise.all([...(await allSources()).values()].map((source) => listed(source, signal)));
}

/** Brings one source up to date, or says why it has nothing to update. */
async function updated(source: NamedSource, ctx: StageContext): Promise<SourceUpdate> {
  const { name, package: packageName, suite, url, sha256 = '' } = source;
  if (packageName !== undefined) {
    const installed = await installedPackage(packageName, ctx.signal);
    if (installed)
      return { name, changed: false, after: installed.version, kept: 'installed: apt-get upgrades it' };
    if (suite === undefined)
      return { name, changed: false, kept: `not installed: apt-get install ${packageName}` };
    const { before, after } = await updatePackage({ name, package: packageName, suite }, ctx);
    return { name, changed: before !== after, ...(before === undefined ? {} : { before }), after };
  }
  if (url === undefined) return { name, changed: false, kept: 'read from its path whenever it is used' };
  const wasHere = await exists(tarballFolder({ name, url, sha256 }));
  await downloadedTarball({ name, url, sha256 }, ctx);
  return { name, changed: !wasHere, kept: 'fixed by its SHA-256' };
}

/**
 * Brings sources up to date: takes the newest version of packages of a Debian suite, and downloads what is missing. Without a name every
 * source that is here already, and those that the user has added. Throws as `downloadedPackage` and `downloadedTarball`.
 */
export async function updateSources(name: string | undefined, ctx: StageContext): Promise<SourceUpdate[]> {
  if (name !== undefined) return [await updated(await findSource(name), ctx)];
  const updates: SourceUpdate[] = [];
  for (const source of (await allSources()).values()) {
    const { ready } = await listed(source, ctx.signal);
    if (ready || source.from === 'user') updates.push(await updated(source, ctx));
  }
  return updates;
}

/** Whether two sources have the same download. */
const isSameDownload = (a: NamedSource, b: NamedSource) =>
  a.package === b.package && a.suite === b.suite && a.url === b.url && a.sha256 === b.sha256;

/** Removes a source of the user, and what was downloaded for it unless another source has the same. Throws InputError as `removeSource`. */
export async function dropSource(name: string, ctx: StageContext): Promise<NamedSource> {
  const source = await removeSource(name, ctx);
  const others = [...(await allSources()).values()];
  if (others.some((other) => isSameDownload(other, source))) return source;
  const { package: packageName, suite, url, sha256 = '' } = source;
  if (packageName !== undefined && suite !== undefined)
    await forgetPackage({ name, package: packageName, suite });
  if (url !== undefined) await rm(tarballFolder({ name, url, sha256 }), { recursive: true, force: true });
  return source;
}
