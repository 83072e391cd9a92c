import { open, rm } from 'node:fs/promises';
import type { BootPaths } from './boot-paths.ts';
import type { Layout } from './layout.ts';

/** Creates the drives of one boot as sparse files, which take only the space that the guest writes. Disposing removes them. */
export async function makeDrives(layout: Layout, paths: BootPaths): Promise<AsyncDisposable> {
  const files = layout.namespaces.map(({ drive, driveBytes }) => ({ path: paths.drive(drive), driveBytes }));
  for (const { path, driveBytes } of files) {
    await using file = await open(path, 'w', 0o600);
    await file.truncate(driveBytes);
  }
  const remove = () => Promise.all(files.map(({ path }) => rm(path, { force: true })));
  return { [Symbol.asyncDispose]: () => remove().then(() => undefined) };
}
