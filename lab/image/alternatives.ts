import { lstat, mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hostArch } from '../model/arch.ts';
import { mergedPath } from './usrmerge.ts';

/** A link that a package wants, as update-alternatives(1) makes it: link -> /etc/alternatives/name -> path. */
interface Alternative {
  link: string;
  name: string;
  path: string;
  priority: number;
}

/** Options of update-alternatives(1). */
const [INSTALL, SLAVE] = ['--install', '--slave'];

const isPlain = (words: readonly string[]) => words.every((word) => word !== '' && !/[$`*]/.test(word));

/** The alternatives that a maintainer script registers with fixed words; the script is read, not run. */
export function alternativesIn(script: string): Alternative[] {
  const lines = script.replace(/\\\n/g, ' ').split('\n');
  return lines.flatMap((line) => {
    const command = /\bupdate-alternatives\b(.*)/.exec(line)?.[1];
    const words = (command ?? '').split(/\s+/).map((word) => word.replace(/^["']|["';]+$/g, ''));
    const at = words.indexOf(INSTALL);
    const [link = '', name = '', path = '', priority = ''] = at < 0 ? [] : words.slice(at + 1);
    const main = { link, name, path, priority: Number(priority) };
    if (at < 0 || !isPlain([link, name, path, priority]) || Number.isNaN(main.priority)) return [];
    const slaves = words.flatMap((word, index) => {
      const [slaveLink = '', slaveName = '', slavePath = ''] = words.slice(index + 1);
      if (word !== SLAVE || !isPlain([slaveLink, slaveName, slavePath])) return [];
      return [{ link: slaveLink, name: slaveName, path: slavePath, priority: main.priority }];
    });
    return [main, ...slaves];
  });
}

const isThere = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** A path of the guest, in the root folder. */
const inRoot = (root: string, path: string) => join(root, mergedPath(join('/', path).slice(1)));

/** Makes the links of alternatives whose files are there; of several for one link that of the highest priority. A file is not replaced. */
export async function linkAlternatives(root: string, alternatives: readonly Alternative[]): Promise<void> {
  const best = [...alternatives].sort((a, b) => b.priority - a.priority || (a.path < b.path ? -1 : 1));
  for (const { link, name, path } of best) {
    const [at, choice] = [inRoot(root, link), join(root, 'etc/alternatives', name)];
    if (!(await isThere(inRoot(root, path))) || (await isThere(at)) || (await isThere(choice))) continue;
    for (const folder of [dirname(at), dirname(choice)]) await mkdir(folder, { recursive: true });
    await symlink(path, choice);
    await symlink(`/etc/alternatives/${name}`, at);
  }
}

/** Folders that ld.so.conf.d names, of the guest. */
async function configuredFolders(root: string): Promise<string[]> {
  const folder = join(root, 'etc/ld.so.conf.d');
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.conf')).sort();
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return texts
    .join('\n')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('/'));
}

/**
 * Links the libraries of folders that packages name in /etc/ld.so.conf.d into a folder that the loader searches anyway: guests have no
 * ld.so.cache, which ldconfig(8) would fill.
 */
export async function linkLibraries(root: string): Promise<void> {
  const searched = hostArch().loader.libraryFolders.map(mergedPath);
  const [target = 'usr/lib'] = searched;
  for (const folder of await configuredFolders(root)) {
    const path = mergedPath(join('/', folder).slice(1));
    if (searched.includes(path)) continue;
    for (const name of (await readdir(join(root, path)).catch(() => [])).filter((each) =>
      /\.so(\.|$)/.test(each),
    )) {
      const link = join(root, target, name);
      const isFile = await stat(join(root, path, name)).then(
        (info) => info.isFile(),
        () => false,
      );
      if (!isFile || (await isThere(link))) continue;
      await mkdir(dirname(link), { recursive: true });
      await symlink(`/${path}/${name}`, link);
    }
  }
}
