import { posix } from 'node:path';

/** Undoes git's C-style quoting of unusual file names; a name without quotes is returned unchanged. */
export function unquote(name: string): string {
  if (!name.startsWith('"') || !name.endsWith('"')) return name;
  const simple: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };
  const bytes = name
    .slice(1, -1)
    .replace(/\\([0-7]{3}|.)/g, (_all, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8) & 0xff) : (simple[code] ?? code),
    );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** Why a path in a patch must not reach git; undefined when it may. */
export function pathFlaw(name: string): string | undefined {
  if (name === '') return 'an empty file name';
  if (name.startsWith('/')) return 'an absolute path';
  if (/[\x00-\x1f\x7f]/.test(name)) return 'control characters in a file name';
  if (name.includes('\ufffd')) return 'a file name that is not UTF-8';
  for (const part of name.split('/')) {
    if (part === '..') return 'a path that climbs out of the tree';
    if (part === '' || part === '.') return 'a path with empty parts';
    // On some file systems `.git `, `.GIT` and `git~1` are the same folder.
    if (/^(?:\.git[ .]*|git~\d+)$/i.test(part)) return "a path into git's own folder";
  }
  return undefined;
}

/** Whether a symbolic link at `name` leads out of the tree. */
export function linkEscapes(name: string, target: string): boolean {
  if (posix.isAbsolute(target)) return true;
  return posix.join(posix.dirname(name), target).startsWith('..');
}
