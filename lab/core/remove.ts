import { lstat } from 'node:fs/promises';
import { LabError } from './errors.ts';
import { run } from './process.ts';

/**
 * Removes a folder that foreign code has filled. `rm` of coreutils works through directory descriptors: it follows no link, and a tree
 * deeper than PATH_MAX, where `fs.rm` fails with ENAMETOOLONG, is no obstacle. Folders without permissions are opened first. What is
 * not there is no error. Throws LabError when something is left.
 */
export async function removeTree(path: string): Promise<void> {
  const present = await lstat(path).catch(() => undefined);
  if (!present) return;
  // Never aborted: a folder that is left behind would have to be found and judged later.
  const remove = () => run('rm', ['-rf', '--one-file-system', '--', path], { accept: 'any' });
  const first = await remove();
  if (first.code === 0) return;
  await run('chmod', ['-R', 'u+rwx', '--', path], { accept: 'any' });
  const { code, stderr } = await remove();
  if (code !== 0) throw new LabError(`cannot remove ${path}: ${stderr.trim().split('\n')[0] ?? ''}`);
}
