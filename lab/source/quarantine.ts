import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ask, type GitOptions, git } from './git.ts';

/**
 * Makes an object folder in `scratch` that sees the objects of a repository and takes the new ones, so that a series which is refused
 * leaves no object in the repository. Returns it, for `GitOptions.objects`.
 */
export async function makeQuarantine(gitDir: string, scratch: string): Promise<string> {
  const objects = join(scratch, 'objects');
  await mkdir(join(objects, 'info'), { recursive: true });
  await writeFile(join(objects, 'info/alternates'), `${resolve(gitDir, 'objects')}\n`);
  return objects;
}

/** Names of the loose objects of a folder. git writes no others here: packs begin at `core.bigFileThreshold`. */
async function looseObjects(objects: string): Promise<string[]> {
  const folders = (await readdir(objects)).filter((name) => /^[0-9a-f]{2}$/.test(name));
  const names = folders.map(async (folder) =>
    (await readdir(join(objects, folder)))
      .filter((name) => /^[0-9a-f]{38,62}$/.test(name))
      .map((name) => `${folder}${name}`),
  );
  return (await Promise.all(names)).flat();
}

/** Copies the objects of a quarantine to its repository. */
export async function releaseObjects(objects: string, { gitDir, signal }: GitOptions): Promise<void> {
  const names = await looseObjects(objects);
  if (names.length === 0) return;
  const pack = join(objects, 'release');
  const input = `${names.join('\n')}\n`;
  const hash = await ask(['pack-objects', '--quiet', pack], { gitDir, signal, objects, input });
  await using file = await open(`${pack}-${hash}.pack`);
  await git(['unpack-objects', '-q'], { gitDir, signal, stdinFd: file.fd });
}
