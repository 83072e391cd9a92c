import { homedir, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { cacheRoot } from '../core/cache.ts';
import { projectRoot } from '../core/paths.ts';

/** Folders of this machine, longest first, with the text that replaces each. */
function places(dir: string): [string, string][] {
  const folders: [string, string][] = [
    [resolve(dir), '<run>'],
    [cacheRoot(), '<cache>'],
    [projectRoot, '<ringlab>'],
    [process.cwd(), '<cwd>'],
    [homedir(), '<home>'],
    [tmpdir(), '<tmp>'],
  ];
  return folders.filter(([path]) => path !== '/').sort(([a], [b]) => b.length - a.length);
}

/** Matches a folder's path where it stands as a whole: `/tmp` neither in `/tmpfs` nor in `/var/tmp`. */
function wholePath(path: string): RegExp {
  return new RegExp(`(?<![\\w.-])${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w.-])`, 'g');
}

/** What guests reported is evidence and stays as it is. */
const EVIDENCE = new Set(['tests', 'complaints', 'test']);

function scrub(value: unknown, replacements: readonly [RegExp, string][]): unknown {
  if (typeof value === 'string') {
    return replacements.reduce((text, [path, name]) => text.replace(path, name), value);
  }
  if (Array.isArray(value)) return value.map((item) => scrub(item, replacements));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, EVIDENCE.has(key) ? item : scrub(item, replacements)]),
  );
}

/** Gives the function that replaces the paths of this machine in a record or an event of a run in `dir`. */
export function portability(dir: string): <T>(value: T) => T {
  const replacements = places(dir).map(([path, name]): [RegExp, string] => [wholePath(path), name]);
  return <T>(value: T) => scrub(value, replacements) as T;
}
