import { mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../process.ts';
import { removeTree } from '../remove.ts';
import { sandboxCommand } from './command.ts';

async function tryOverlay(dir: string): Promise<boolean> {
  const top = await mkdtemp(join(dir, 'overlay-'));
  try {
    const [at, lower, upper, work] = ['at', 'lower', 'upper', 'work'].map((name) => join(top, name)) as [
      string,
      string,
      string,
      string,
    ];
    for (const folder of [at, lower, upper, work]) await mkdir(folder);
    await writeFile(join(lower, 'file'), 'lower\n');
    const access = { writable: [], readable: [], cwd: at, overlays: [{ at, lower, upper, work }] };
    const script = 'cat file >copy && echo upper >>file';
    const [command = '', ...args] = await sandboxCommand(['sh', '-c', script], access);
    const { code } = await run(command, args, { accept: 'any' });
    const texts = [join(lower, 'file'), join(upper, 'file'), join(upper, 'copy')];
    const [below, changed, copy] = await Promise.all(
      texts.map((file) => readFile(file, 'utf8').catch(() => '')),
    );
    return code === 0 && below === 'lower\n' && changed === 'lower\nupper\n' && copy === 'lower\n';
  } catch {
    return false;
  } finally {
    // `work/work` has mode 000 and files in it: `fs.rm` cannot remove it for an ordinary user.
    await removeTree(top);
  }
}

const byDevice = new Map<number, Promise<boolean>>();

/**
 * Whether overlays work whose `upper` and `work` are on the file system of the folder `dir`; tried for real, once for each file system
 * in the life of this process. Linux refuses, for example, an upper folder that is itself on an overlay, as in most containers.
 */
export async function overlayWorks(dir: string): Promise<boolean> {
  const { dev } = await stat(dir);
  const works = byDevice.get(dev) ?? tryOverlay(dir);
  byDevice.set(dev, works);
  return works;
}
