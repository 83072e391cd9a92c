import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, exists } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import { readPlainFile } from '../core/plain-file.ts';
import { ensureSealed } from '../core/seal.ts';
import type { StageContext } from '../model/event.ts';
import { fillDownload, type SuitePackage, withNewest } from './package-download.ts';

/** A downloaded package: its source tarball, and the version that identifies it. */
export interface Download {
  tarball: string;
  version: string;
}

/** Which version of a package was downloaded: it is used until `ringlab source update`. */
const Pin = z.object({ package: z.string(), suite: z.string(), version: z.string() });

/** Folder of everything that is downloaded for sources. */
export const downloadsDir = () => join(cacheRoot(), 'downloads');

const pinFile = ({ package: name, suite }: SuitePackage) => join(downloadsDir(), `${name}@${suite}.json`);

const folderOf = ({ package: name, suite }: SuitePackage, version: string) =>
  join(downloadsDir(), `${name}-${hashOf(name, suite, version).slice(0, 12)}`);

/** The version of a package that is in use; undefined when none was downloaded. A damaged note of it counts as none. */
export async function pinnedVersion(source: SuitePackage): Promise<string | undefined> {
  try {
    const pin = Pin.parse(JSON.parse((await readPlainFile(pinFile(source))) ?? ''));
    return pin.package === source.package && pin.suite === source.suite ? pin.version : undefined;
  } catch {
    return undefined;
  }
}

/** The download folder of one version; `dir` has nothing but the tarball and its seal. */
async function ensureVersion(
  source: SuitePackage,
  version: string,
  make: (dir: string) => Promise<void>,
  ctx: StageContext,
): Promise<Download> {
  const folder = folderOf(source, version);
  const { dir } = await ensureSealed(folder, make, {
    signal: ctx.signal,
    onWait: () => ctx.emit({ type: 'lock.wait', for: 'source', subject: source.name }),
    onDamage: (damage) => {
      const subject = `downloads/${source.package} ${version}`;
      ctx.emit({ type: 'note', note: { code: 'cache.damaged', subject, damage } });
    },
  });
  const file = (await readdir(dir)).find((name) => name.startsWith(`${source.package}.tar.`));
  if (file === undefined)
    throw new LabError(`no source tarball in ${dir}\n  fix: remove it, it is downloaded again`);
  return { tarball: join(dir, file), version };
}

/** A version of a package, downloaded when it is missing or damaged. Throws InputError when the archive has another version. */
function downloadOf(source: SuitePackage, version: string, ctx: StageContext): Promise<Download> {
  const make = (dir: string) =>
    withNewest(source, ctx, async (apt, newest) => {
      if (newest.version === version) return await fillDownload(dir, source, apt, newest, ctx);
      throw new InputError({
        what: `${source.package} ${version} was used so far, but its download is not in the cache any more, and Debian's suite ${source.suite} has ${newest.version} now`,
        where: `kernel ${source.name}`,
        fix: `ringlab source update ${source.name}`,
      });
    });
  return ensureVersion(source, version, make, ctx);
}

/**
 * Downloads the newest version, if it is not here, and makes it the version in use. The archive is asked twice: the lock of a download is
 * taken before that of apt everywhere.
 */
async function newestDownload(source: SuitePackage, ctx: StageContext): Promise<Download> {
  const { version } = await withNewest(source, ctx, async (_apt, newest) => newest);
  const download = await downloadOf(source, version, ctx);
  const { package: name, suite } = source;
  await writeJson(pinFile(source), Pin.parse({ package: name, suite, version }));
  return download;
}

/**
 * The source tarball of a package of a Debian suite, downloaded by apt, which checks it against Debian's keys; nothing is installed. The
 * version that was downloaded first stays in use. Throws InputError without apt or keys, for an unknown suite or package, and when the
 * version in use has to be downloaded again but is no longer there; LabError when an archive cannot be trusted or reached.
 */
export async function downloadedPackage(source: SuitePackage, ctx: StageContext): Promise<Download> {
  const version = await pinnedVersion(source);
  if (version !== undefined) return downloadOf(source, version, ctx);
  await using _held = await lock(`${pinFile(source)}.lock.d`, ctx.signal, () =>
    ctx.emit({ type: 'lock.wait', for: 'source', subject: source.name }),
  );
  const meanwhile = await pinnedVersion(source);
  // Awaited here: the lock is held until the download has ended.
  return await (meanwhile === undefined ? newestDownload(source, ctx) : downloadOf(source, meanwhile, ctx));
}

/** Takes the newest version of a package into use. Returns the versions before and after; the former's download is removed. */
export async function updatePackage(
  source: SuitePackage,
  ctx: StageContext,
): Promise<{ before: string | undefined; after: string }> {
  const before = await pinnedVersion(source);
  const { version: after } = await newestDownload(source, ctx);
  if (before !== undefined && before !== after) await removeDownload(folderOf(source, before));
  return { before, after };
}

async function removeDownload(folder: string): Promise<void> {
  for (const path of [folder, `${folder}.lock.d`])
    if (await exists(path)) await rm(path, { recursive: true, force: true });
}

/** Removes what was downloaded of a package. */
export async function forgetPackage(source: SuitePackage): Promise<void> {
  const version = await pinnedVersion(source);
  await rm(pinFile(source), { force: true });
  if (version !== undefined) await removeDownload(folderOf(source, version));
}
