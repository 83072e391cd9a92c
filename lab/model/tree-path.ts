import { UNSAFE } from './visible.ts';

/** Most bytes of a name (NAME_MAX) and of a path (PATH_MAX, with its terminating zero), as Linux file systems have them. */
const NAME_BYTES = 255;
const PATH_BYTES = 4095;

/** On some file systems `.git `, `.GIT`, `.git::$DATA` and `git~1` are the same folder. */
const GIT_FOLDER = /^(?:\.git[ .]*(?::.*)?|git~\d+)$/i;

function partFlaw(part: string): string | undefined {
  if (part === '..') return 'a path that climbs out of the tree';
  if (part === '' || part === '.') return 'a path with empty parts';
  if (part.startsWith('-')) return 'a file name that a program would take for an option';
  if (Buffer.byteLength(part) > NAME_BYTES) return `a file name of more than ${NAME_BYTES} bytes`;
  if (GIT_FOLDER.test(part)) return "a path into git's own folder";
  if (/^(?:\.gitmodules[ .]*|gitmod~\d+)$/i.test(part)) return 'a file that configures submodules';
  return undefined;
}

/** Why a path of a patch must not reach git or a file system; undefined when it may. */
export function pathFlaw(name: string): string | undefined {
  if (name === '') return 'an empty file name';
  if (name.startsWith('/')) return 'an absolute path';
  if (name.search(UNSAFE) >= 0 || /[\t\n]/.test(name)) return 'control characters in a file name';
  if (name.includes('\ufffd')) return 'a file name that is not UTF-8';
  if (name.includes('\\')) return 'a file name with a backslash';
  if (Buffer.byteLength(name) > PATH_BYTES) return `a path of more than ${PATH_BYTES} bytes`;
  for (const part of name.split('/')) {
    const flaw = partFlaw(part);
    if (flaw) return flaw;
  }
  return undefined;
}

/**
 * Where a symbolic link at `name` leads, as a path in the tree, or why it must not be made. Folders on the way are taken for real
 * ones, and therefore a target may go up only at its start: `a/../b` is another place than `b` where `a` is a link.
 */
export function linkTarget(name: string, target: string): { path: string } | { flaw: string } {
  if (target === '') return { flaw: 'is empty' };
  if (target.startsWith('/')) return { flaw: 'leads out of the tree: it is absolute' };
  const parts = target.split('/').filter((part) => part !== '.');
  const firstDown = parts.findIndex((part) => part !== '..');
  const up = firstDown < 0 ? parts.length : firstDown;
  const folders = name.split('/').slice(0, -1);
  if (up > folders.length) return { flaw: 'leads out of the tree' };
  if (parts.slice(up).includes('..')) return { flaw: 'goes up after it has gone down' };
  const path = [...folders.slice(0, folders.length - up), ...parts.slice(up)].join('/');
  const flaw = pathFlaw(path);
  return flaw ? { flaw: `leads to ${flaw}` } : { path };
}
