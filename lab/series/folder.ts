import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import type { Note } from '../model/note.ts';
import { MAX_MESSAGES, MAX_PATCHES } from './limits.ts';
import { quiltOrder } from './quilt.ts';
import type { SourceFiles } from './stages.ts';

/** Names of patch files, packed or not. */
const PATCH = /\.(?:patch|diff|eml)(?:\.(?:gz|xz|bz2|zst))?$/i;
/** Names of mailboxes; `.mbx` and `.cover` are what b4 am writes. */
const MAILBOX = /\.(?:mbox|mbx|cover)(?:\.(?:gz|xz|bz2|zst))?$/i;

const filesAt = (dir: string, names: readonly string[]) =>
  names.map((name) => ({ path: join(dir, name), where: join(dir, name) }));

const inOrder = (names: readonly string[]) =>
  [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));

/** The version that a name of git format-patch begins with: `v2-0001-x.patch`; without one it is the first. */
const versionOf = (name: string) => Number(/^v(\d{1,3})-/.exec(name)?.[1] ?? 1);

/** The files of the newest version, or the wanted one, in a folder that git format-patch wrote several to. */
function oneVersion(
  names: readonly string[],
  dir: string,
  wanted: number | undefined,
  note: (note: Note) => void,
): string[] {
  const versions = [...new Set(names.map(versionOf))].sort((a, b) => b - a);
  const taken = wanted !== undefined && versions.length > 1 ? wanted : (versions[0] ?? 1);
  const left = names.filter((name) => versionOf(name) !== taken);
  if (left.length > 0 && left.length < names.length)
    note({ code: 'series.versions', subject: dir, taken, left: left.length });
  return left.length < names.length ? names.filter((name) => versionOf(name) === taken) : [...names];
}

/** The messages of a maildir, in the order of their file names, which begin with the time of delivery. */
async function maildirFiles(dir: string): Promise<SourceFiles['files'] | undefined> {
  const isFolder = async (name: string) =>
    (await stat(join(dir, name)).catch(() => undefined))?.isDirectory();
  if (!(await isFolder('cur')) || !(await isFolder('new'))) return undefined;
  const names = await Promise.all(
    ['cur', 'new'].map(async (part) =>
      (await readdir(join(dir, part)))
        .filter((name) => !name.startsWith('.'))
        .map((name) => join(part, name)),
    ),
  );
  const all = names.flat().sort((a, b) => basename(a).localeCompare(basename(b), 'en', { numeric: true }));
  if (all.length > MAX_MESSAGES)
    throw new InputError({ what: `${all.length} messages`, where: dir, expected: `at most ${MAX_MESSAGES}` });
  return filesAt(dir, all);
}

/**
 * The files of a folder: those that a quilt `series` file lists, the messages of a maildir, the mailbox that b4 am wrote, else its patches in
 * the order of their names. Throws InputError when it has none or too many.
 */
export async function filesOfFolder(
  dir: string,
  wanted: number | undefined,
  note: (note: Note) => void,
): Promise<SourceFiles> {
  const origin = { kind: 'folder', detail: basename(resolve(dir)) };
  if (await exists(join(dir, 'series')))
    return { files: filesAt(dir, await quiltOrder(dir, note)), origin, queue: 'exact' };
  const maildir = await maildirFiles(dir);
  if (maildir && maildir.length > 0) return { files: maildir, origin };
  const names = await readdir(dir);
  const patches = names.filter((name) => PATCH.test(name));
  if (patches.length > MAX_PATCHES)
    throw new InputError({
      what: `${patches.length} patches`,
      where: dir,
      expected: `at most ${MAX_PATCHES}`,
    });
  const mailboxes = names.filter((name) => MAILBOX.test(name));
  if (patches.length === 0 && mailboxes.length > 0)
    return { files: filesAt(dir, inOrder(mailboxes)), origin };
  const isMail = (name: string) => /\.eml\b/i.test(name);
  if (patches.length > 0 && patches.every(isMail)) return { files: filesAt(dir, inOrder(patches)), origin };
  if (patches.length > 0)
    return { files: filesAt(dir, oneVersion(inOrder(patches), dir, wanted, note)), origin, queue: 'named' };
  throw new InputError({
    what: 'no *.patch in this folder',
    where: dir,
    expected: 'patches, a quilt series, a maildir, or what b4 am writes',
    fix: 'git format-patch -o DIR BASE..TIP',
  });
}
