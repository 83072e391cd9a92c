import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { type AvailablePackage, PrivateApt } from './apt.ts';
import { type Archive, checkApt, debianKeyring, debianMirrors } from './debian.ts';
import { watchSize } from './progress.ts';

/** A source that is a package of a Debian suite. `name` is that of the source. */
export interface SuitePackage {
  name: string;
  package: string;
  suite: string;
}

/**
 * Runs `use` with the apt of the first archive that has the package, and the newest version there. Throws LabError for an archive that
 * is not to be trusted, otherwise the errors of all archives as one.
 */
export async function withNewest<T>(
  source: SuitePackage,
  ctx: StageContext,
  use: (apt: PrivateApt, newest: AvailablePackage) => Promise<T>,
): Promise<T> {
  const where = `kernel ${source.name}`;
  checkApt(where);
  const keyring = await debianKeyring(where);
  const failures: Error[] = [];
  for (const mirror of await debianMirrors(ctx.signal)) {
    const archive: Archive = { suite: source.suite, mirror, keyring, where };
    let found: AvailablePackage | undefined;
    try {
      return await PrivateApt.withLists(archive, ctx, async (apt) => {
        found = await apt.newest(source.package);
        return await use(apt, found);
      });
    } catch (error) {
      const isElsewhere = error instanceof InputError || /cannot download from/.test(String(error));
      if (found !== undefined || !isElsewhere) throw error;
      failures.push(error as Error);
    }
  }
  const inputs = failures.filter((failure) => failure instanceof InputError);
  // A package that the reachable archives do not have may be in one that cannot be reached.
  const [first] =
    inputs.length === failures.length ? inputs : failures.filter((each) => each instanceof LabError);
  throw first ?? new LabError(`${where}: there is no archive to download from`);
}

/** Downloads a package and moves its source tarball to `dir`. */
export async function fillDownload(
  dir: string,
  source: SuitePackage,
  apt: PrivateApt,
  available: AvailablePackage,
  ctx: StageContext,
): Promise<void> {
  const work = join(dir, 'work');
  const root = join(work, 'root');
  const { name, suite } = source;
  const from = `Debian ${suite}, ${available.name} ${available.version}`;
  ctx.emit({ type: 'source.start', source: name, action: 'download', from });
  const deb = await (async () => {
    using _watched = watchSize(name, work, available.size, ctx);
    return await apt.download(available, work);
  })();
  await mkdir(root);
  await run('dpkg-deb', ['-x', deb, root], { signal: ctx.signal });
  const shipped = join(root, 'usr/src');
  const tarball = (await readdir(shipped).catch(() => [])).find((file) =>
    file.startsWith(`${source.package}.tar.`),
  );
  if (tarball === undefined) {
    throw new InputError({
      what: `the package ${source.package} has no source tarball`,
      where: `kernel ${name}`,
      expected: `usr/src/${source.package}.tar.xz in the package`,
    });
  }
  await rename(join(shipped, tarball), join(dir, tarball));
  await rm(work, { recursive: true });
  ctx.emit({ type: 'source.end', source: name });
}
