import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import type { Note } from '../model/note.ts';
import { MAX_LISTED, MAX_PATCHES } from './limits.ts';
import { readRegular } from './regular-file.ts';

/** Most bytes of a `series` file. */
const MAX_BYTES = 1 << 20;

const ESCAPES = /(?:^|\/)\.\.(?:\/|$)|^\//;

/**
 * The names of the patches that the `series` file of a quilt folder lists, in its order (quilt(1)); commented lines are left out. A note
 * names the patch files that it does not mention at all. Throws InputError for another strip level than `-p1`, a reversed patch, a name that leaves the folder, or
 * too many patches.
 */
export async function quiltOrder(dir: string, note: (note: Note) => void): Promise<string[]> {
  const file = join(dir, 'series');
  const lines = (await readRegular(file, MAX_BYTES)).toString('utf8').split(/\r?\n/);
  const problems: Problem[] = [];
  const names: string[] = [];
  for (const [index, line] of lines.entries()) {
    const [name, ...options] = line
      .replace(/(?:^|\s)#.*$/, '')
      .trim()
      .split(/\s+/);
    if (!name) continue;
    const where = `${file}:${index + 1}`;
    if (ESCAPES.test(name)) problems.push({ what: `"${name.slice(0, 200)}" leads out of the folder`, where });
    const strange = options.filter((option) => !/^-(?:p1|p ?ab)$/.test(option));
    if (strange.length > 0)
      problems.push({
        what: `the option ${strange[0]?.slice(0, 200)}`,
        where,
        expected: 'patches made for -p1',
      });
    names.push(name);
  }
  if (names.length === 0) problems.push({ what: 'it lists no patch', where: file });
  if (names.length > MAX_PATCHES)
    problems.push({ what: `${names.length} patches`, where: file, expected: `at most ${MAX_PATCHES}` });
  if (problems.length > 0) throw new InputError(problems.slice(0, MAX_LISTED));
  const mentioned = new Set(lines.flatMap((line) => line.split(/[\s#]+/)));
  const others = (await readdir(dir)).filter(
    (name) => /\.(?:patch|diff)$/.test(name) && !mentioned.has(name),
  );
  if (others.length > 0)
    note({
      code: 'series.unlisted',
      subject: file,
      files: others.sort().slice(0, MAX_LISTED),
      count: others.length,
    });
  return names;
}
